/**
 * Private write sets of a simulation on their way to the transient store, with the collection
 * definitions they were made under. Mirrors core/endorser/pvtrwset_assembler.go of Fabric 1.4.2.
 */
import { create } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import {
  type CollectionConfigPackage,
  CollectionConfigPackageSchema,
} from "../gen/common/collection_pb.ts";
import type { TxPvtReadWriteSet } from "../gen/ledger/rwset/rwset_pb.ts";
import { TxPvtReadWriteSetWithConfigInfoSchema } from "../gen/transientstore/transientstore_pb.ts";
import type { PeerLedger, QueryExecutor } from "../ledger/types.ts";
import { decode } from "../protocol/decode.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

/** Keeps private writes until their transaction commits. @throws DenimError with Fabric's text */
export type PrivateDataDistributor = (
  ledger: PeerLedger,
  txId: string,
  set: TxPvtReadWriteSet,
) => Promise<void> | void;

/** Stores in the channel's transient store; there are no other peers to send to. */
export const storeTransiently: PrivateDataDistributor = (ledger, txId, set) => {
  const endorsementHeight = ledger.info().height;
  ledger.transientStore.persist(txId, endorsementHeight, set, collectionConfigsOf(ledger, set));
};

/**
 * The definitions of exactly the collections that are written: a serialized
 * TxPvtReadWriteSetWithConfigInfo with only `collection_configs` set.
 *
 * @throws DenimError `no-collections`, `malformed-message`
 */
export function collectionConfigsOf(ledger: PeerLedger, set: TxPvtReadWriteSet): Uint8Array {
  const executor = ledger.newQueryExecutor();
  const collectionConfigs: Record<string, CollectionConfigPackage> = {};
  try {
    for (const { namespace, collectionPvtRwset } of set.nsPvtRwset) {
      const written = new Set(collectionPvtRwset.map((rwset) => rwset.collectionName));
      collectionConfigs[namespace] = packageOf(executor, namespace, written);
    }
  } catch (error) {
    throw new DenimError(
      error instanceof DenimError ? error.code : "internal",
      `failed to obtain collections config: ${messageOf(error)}`,
      {},
      undefined,
      { cause: error },
    );
  } finally {
    executor.done();
  }
  return encodeWire(
    TxPvtReadWriteSetWithConfigInfoSchema,
    create(TxPvtReadWriteSetWithConfigInfoSchema, { collectionConfigs }),
  );
}

function packageOf(
  executor: QueryExecutor,
  namespace: string,
  written: ReadonlySet<string>,
): CollectionConfigPackage {
  const bytes = executor.getState("lscc", `${namespace}~collection`);
  if (bytes === undefined) {
    throw new DenimError(
      "no-collections",
      `no collection config for chaincode ${JSON.stringify(namespace)}`,
      { namespace },
    );
  }
  const { config } = decode(CollectionConfigPackageSchema, bytes);
  return create(CollectionConfigPackageSchema, {
    config: config.filter(({ payload }) => written.has(payload.value?.name ?? "")),
  });
}
