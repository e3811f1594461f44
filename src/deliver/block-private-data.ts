/**
 * The private data of a block that a client may see. Mirrors getPrivateData and
 * CheckCollectionPolicy of Fabric 2.x's core/peer/deliverevents.go.
 */
import { create } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import type {
  CollectionConfigPackage,
  StaticCollectionConfig,
} from "../gen/common/collection_pb.ts";
import { type Block, BlockMetadataIndex } from "../gen/common/common_pb.ts";
import type { SignaturePolicyEnvelope } from "../gen/common/policies_pb.ts";
import {
  type NsPvtReadWriteSet,
  NsPvtReadWriteSetSchema,
  type TxPvtReadWriteSet,
  TxPvtReadWriteSetSchema,
} from "../gen/ledger/rwset/rwset_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { BlockPrivateData } from "../ledger/types.ts";
import type { Policy, SignedData } from "../policy/types.ts";
import { metadataSlot } from "../protocol/block.ts";

/** What one channel knows of private data. */
export interface PrivateDataSource {
  /** What the peer holds of a block's private writes, those of invalid transactions too. */
  privateDataOfBlock(blockNumber: number): BlockPrivateData;
  /** A chaincode's collections as they were defined before this block. */
  collectionsBefore(blockNumber: number, chaincode: string): CollectionConfigPackage | undefined;
  /** Over the members of the channel. @throws DenimError where it is malformed */
  compilePolicy(policy: SignaturePolicyEnvelope): Policy;
}

/**
 * Private write sets by number of the transaction: those of valid transactions, in collections that
 * let the client read (all, unless `member_only_read` keeps them to members). 2.x ledgers hold none
 * of invalid transactions; this one does, and leaves them out here.
 *
 * @throws DenimError `no-collection`, `bad-collection`: the stream ends, as in Fabric
 */
export function readablePrivateData(
  block: Block,
  source: PrivateDataSource,
  signed: SignedData,
): Record<string, TxPvtReadWriteSet> {
  const number = Number(block.header?.number ?? 0n);
  const flags = metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER);
  const decisions = new Map<string, boolean>();
  const mayRead = (chaincode: string, collection: string): boolean => {
    const name = JSON.stringify([chaincode, collection]);
    const known = decisions.get(name);
    if (known !== undefined) return known;
    const decision = isReader(source, number, chaincode, collection, signed);
    decisions.set(name, decision);
    return decision;
  };
  const readable: Record<string, TxPvtReadWriteSet> = {};
  for (const [txNumber, set] of source.privateDataOfBlock(number)) {
    if (flags[txNumber] !== TxValidationCode.VALID) continue;
    const nsPvtRwset = set.nsPvtRwset.flatMap(({ namespace, collectionPvtRwset }) => {
      const kept = collectionPvtRwset.filter((one) => mayRead(namespace, one.collectionName));
      return kept.length === 0 ? [] : [namespaceSet(namespace, kept)];
    });
    if (nsPvtRwset.length === 0) continue;
    readable[txNumber] = create(TxPvtReadWriteSetSchema, { dataModel: set.dataModel, nsPvtRwset });
  }
  return readable;
}

function namespaceSet(
  namespace: string,
  collectionPvtRwset: NsPvtReadWriteSet["collectionPvtRwset"],
): NsPvtReadWriteSet {
  return create(NsPvtReadWriteSetSchema, { namespace, collectionPvtRwset });
}

function isReader(
  source: PrivateDataSource,
  blockNumber: number,
  chaincode: string,
  collection: string,
  signed: SignedData,
): boolean {
  const config = staticConfig(source.collectionsBefore(blockNumber, chaincode), collection);
  if (!config) {
    throw new DenimError(
      "no-collection",
      `no collection config was found for collection ${collection} for chaincode ${chaincode}`,
      { blockNumber, chaincode, collection },
    );
  }
  if (!config.memberOnlyRead) return true;
  const refuse = (why: string) =>
    new DenimError("bad-collection", `error setting up collection  ${config.name}: ${why}`, {
      chaincode,
      collection,
    });
  const members = config.memberOrgsPolicy?.payload;
  if (members === undefined) throw refuse("Collection config policy is nil");
  if (members.case !== "signaturePolicy") throw refuse("Collection config access policy is nil");
  let policy: Policy;
  try {
    policy = source.compilePolicy(members.value);
  } catch (error) {
    throw refuse(
      `failed constructing policy object out of collection policy config: ${messageOf(error)}`,
    );
  }
  try {
    policy.evaluate([signed]);
    return true;
  } catch (error) {
    if (error instanceof DenimError) return false;
    throw error;
  }
}

function staticConfig(
  collections: CollectionConfigPackage | undefined,
  name: string,
): StaticCollectionConfig | undefined {
  for (const { payload } of collections?.config ?? []) {
    if (payload.case === "staticCollectionConfig" && payload.value.name === name) {
      return payload.value;
    }
  }
  return undefined;
}
