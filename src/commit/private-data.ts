/**
 * Private write sets for a block: what its transactions promise by hash, what the transient store
 * holds, and what is missing. Mirrors gossip/privdata/coordinator.go (listMissingPrivateData).
 */
import { hash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { hex } from "../base/bytes.ts";
import { HeaderType } from "../gen/common/common_pb.ts";
import { HashedRWSetSchema } from "../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import {
  type TxPvtReadWriteSet,
  TxPvtReadWriteSetSchema,
  type TxReadWriteSet,
  TxReadWriteSetSchema,
} from "../gen/ledger/rwset/rwset_pb.ts";
import { ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import { ProposalResponsePayloadSchema } from "../gen/peer/proposal_response_pb.ts";
import {
  ChaincodeActionPayloadSchema,
  TransactionSchema,
  TxValidationCode,
} from "../gen/peer/transaction_pb.ts";
import type { MissingPrivateData, TransientStore } from "../ledger/types.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";
import type { OpenedTransaction } from "./opened-transaction.ts";

/** May this peer hold a collection's data? Undefined where no such collection is defined. */
export type CollectionEligibility = (
  namespace: string,
  collection: string,
) => boolean | undefined;

export interface BlockPrivateDataOptions {
  readonly transientStore: Pick<TransientStore, "get">;
  readonly isEligible: CollectionEligibility;
  /** Capability V1_4_2: keep the data of invalid transactions too. */
  readonly storeInvalid: boolean;
}

/** Private data of a block that this peer may hold and lacks. */
export interface WantedPrivateData {
  readonly txNumber: number;
  readonly txId: string;
  readonly namespace: string;
  readonly collection: string;
}

export interface CollectedPrivateData {
  readonly privateData: Map<number, TxPvtReadWriteSet>;
  readonly missing: MissingPrivateData[];
  /** Ids of the block's endorser transactions: their transient data is done with. */
  readonly txIds: string[];
}

interface Promised {
  readonly namespace: string;
  readonly collection: string;
  readonly hash: Uint8Array;
}

/** Finds the private data that belongs into the block. Never throws for what the block contains. */
export function collectPrivateData(
  transactions: readonly (OpenedTransaction | undefined)[],
  flags: Uint8Array,
  options: BlockPrivateDataOptions,
): CollectedPrivateData {
  const collected: CollectedPrivateData = { privateData: new Map(), missing: [], txIds: [] };
  transactions.forEach((transaction, txNumber) => {
    if (transaction?.type !== HeaderType.ENDORSER_TRANSACTION) return;
    const { txId } = transaction;
    collected.txIds.push(txId);
    if (flags[txNumber] !== TxValidationCode.VALID && !options.storeInvalid) return;
    const results = readResults(transaction.data);
    if (!results) return;
    const wanted: Promised[] = [];
    for (const { namespace, collection, hash } of promisedWrites(results)) {
      const eligible = options.isEligible(namespace, collection);
      if (eligible === undefined) continue;
      if (eligible) wanted.push({ namespace, collection, hash });
      else collected.missing.push({ txNumber, namespace, collection, eligible: false });
    }
    if (wanted.length === 0) return;
    const { found, missing } = match(wanted, options.transientStore.get(txId));
    if (found.nsPvtRwset.length > 0) collected.privateData.set(txNumber, found);
    for (const { namespace, collection } of missing) {
      collected.missing.push({ txNumber, namespace, collection, eligible: true });
    }
  });
  return collected;
}

function readResults(data: Uint8Array): TxReadWriteSet | undefined {
  const first = tryDecodeAsGo(TransactionSchema, data)?.actions[0];
  const action = first && tryDecodeAsGo(ChaincodeActionPayloadSchema, first.payload)?.action;
  const response = action &&
    tryDecodeAsGo(ProposalResponsePayloadSchema, action.proposalResponsePayload);
  const results = response && tryDecodeAsGo(ChaincodeActionSchema, response.extension)?.results;
  return results && tryDecodeAsGo(TxReadWriteSetSchema, results);
}

/** Each collection once: of a forged set that names one twice, the ledger looks at the first. */
function* promisedWrites(results: TxReadWriteSet): Generator<Promised> {
  const seen = new Set<string>();
  for (const { namespace, collectionHashedRwset } of results.nsRwset) {
    for (const { collectionName, hashedRwset, pvtRwsetHash } of collectionHashedRwset) {
      const name = JSON.stringify([namespace, collectionName]);
      if (seen.has(name)) continue;
      seen.add(name);
      const hashed = tryDecodeAsGo(HashedRWSetSchema, hashedRwset);
      if (!hashed) continue;
      if (hashed.hashedWrites.length === 0 && hashed.metadataWrites.length === 0) continue;
      yield { namespace, collection: collectionName, hash: pvtRwsetHash };
    }
  }
}

/** Takes from the endorsers' sets what hashes to the promise; anything else is not the block's. */
function match(wanted: readonly Promised[], stored: readonly TxPvtReadWriteSet[]) {
  const found = create(TxPvtReadWriteSetSchema);
  const missing: Promised[] = [];
  for (const promise of wanted) {
    const rwset = stored
      .flatMap((set) => set.nsPvtRwset)
      .filter(({ namespace }) => namespace === promise.namespace)
      .flatMap((set) => set.collectionPvtRwset)
      .filter(({ collectionName }) => collectionName === promise.collection)
      .map((set) => set.rwset)
      .find((bytes) => hash("sha256", bytes, "hex") === hex(promise.hash));
    if (rwset) addCollection(found, promise, rwset);
    else missing.push(promise);
  }
  return { found, missing };
}

function addCollection(set: TxPvtReadWriteSet, promise: Promised, rwset: Uint8Array): void {
  const { namespace, collection: collectionName } = promise;
  const addition = create(TxPvtReadWriteSetSchema, {
    nsPvtRwset: [{ namespace, collectionPvtRwset: [{ collectionName, rwset }] }],
  }).nsPvtRwset[0];
  const existing = set.nsPvtRwset.find((ns) => ns.namespace === namespace);
  if (existing) existing.collectionPvtRwset.push(...addition.collectionPvtRwset);
  else set.nsPvtRwset.push(addition);
}
