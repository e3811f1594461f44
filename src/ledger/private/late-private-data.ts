/**
 * Private data that comes after its block: into the write sets kept, and into the state as far as it
 * is still what the hashes there say. Mirrors CommitPvtDataOfOldBlocks of core/ledger/kvledger.
 */
import { create } from "@bufbuild/protobuf";
import { equal } from "../../base/bytes.ts";
import { BlockMetadataIndex } from "../../gen/common/common_pb.ts";
import { CollectionPvtReadWriteSetSchema } from "../../gen/ledger/rwset/rwset_pb.ts";
import { KVRWSetSchema } from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { TxValidationCode } from "../../gen/peer/transaction_pb.ts";
import { metadataSlot } from "../../protocol/block.ts";
import { tryDecodeAsGo } from "../../protocol/go-wire.ts";
import { encodeWire } from "../../protocol/wire-encoder.ts";
import type { BlockStore } from "../block/block-store.ts";
import type { IndexWriter } from "../mango/index-store.ts";
import { privateHash, privateKeyHash } from "../rwset/builder.ts";
import { decodeReadWriteSet, privateSetHash } from "../rwset/decode.ts";
import { hashedStateKey, privateNamespace, stateKey } from "../state/state-key.ts";
import type { StateStore } from "../state/state-store.ts";
import type { Database } from "../storage/database.ts";
import { decodeTransaction, simulationResultsOf } from "../transaction/decode.ts";
import type { LatePrivateData } from "../types.ts";

export interface LateStores {
  readonly database: Database;
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly indexes: IndexWriter;
  /** The form in which the state keeps a value. */
  readonly storedForm: (value: Uint8Array) => Uint8Array;
}

/** Inside a write transaction. @returns false where the data is not missing (any more), or not the block's */
export function writeLatePrivateData(late: LatePrivateData, stores: LateStores): boolean {
  const { blockNumber, txNumber, namespace, collection, rwset } = late;
  const { database } = stores;
  const place = [blockNumber, txNumber, namespace, collection] as const;
  const missing = database.prepare(
    `SELECT expires FROM missing_private_data
     WHERE block = ? AND tx = ? AND namespace = ? AND collection = ?`,
  ).get(...place);
  if (missing === undefined) return false;
  const { envelope, code } = transactionAt(stores.blocks, blockNumber, txNumber);
  if (!isPromised(envelope, late)) return false;
  database.prepare(
    `INSERT OR REPLACE INTO private_data (block, tx, namespace, collection, expires, write_set)
     VALUES (?, ?, ?, ?, ?, ?)`,
  ).run(
    ...place,
    missing.expires as number | null,
    encodeWire(
      CollectionPvtReadWriteSetSchema,
      create(CollectionPvtReadWriteSetSchema, { collectionName: collection, rwset }),
    ),
  );
  database.prepare(
    `DELETE FROM missing_private_data
     WHERE block = ? AND tx = ? AND namespace = ? AND collection = ?`,
  ).run(...place);
  if (code === TxValidationCode.VALID) writeState(late, stores);
  return true;
}

function transactionAt(blocks: BlockStore, blockNumber: number, txNumber: number) {
  const block = blocks.byNumber(blockNumber);
  return {
    envelope: block.data?.data[txNumber],
    code: metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER)[txNumber],
  };
}

/** Is it what the transaction's hash says? */
function isPromised(
  envelope: Uint8Array | undefined,
  { namespace, collection, rwset }: LatePrivateData,
): boolean {
  const transaction = envelope && decodeTransaction(envelope);
  if (!transaction) return false;
  const set = decodeReadWriteSet(simulationResultsOf(transaction));
  const promised = privateSetHash(set, namespace, collection);
  return promised !== undefined && equal(promised, privateHash(rwset));
}

/** A value is written where the newest hash is its hash: with that hash's version, or reads would refuse it. */
function writeState(
  { namespace, collection, rwset }: LatePrivateData,
  { database, state, indexes, storedForm }: LateStores,
): void {
  const collectionNamespace = privateNamespace(namespace, collection);
  for (const { key, isDelete, value } of tryDecodeAsGo(KVRWSetSchema, rwset)?.writes ?? []) {
    const keyHash = privateKeyHash(key);
    const hashed = state.get(hashedStateKey(namespace, collection, keyHash));
    const name = stateKey(collectionNamespace, key);
    if (isDelete) {
      // Gone for good: an older value that is still here must not stay behind.
      if (hashed !== undefined) continue;
      indexes.note(collectionNamespace, name, undefined);
      state.apply(name, undefined);
      continue;
    }
    if (hashed === undefined || !equal(hashed.value, privateHash(value))) continue;
    const stored = storedForm(value);
    indexes.note(collectionNamespace, name, stored);
    state.apply(name, { value: stored, metadata: undefined, version: hashed.version });
    // With the hash dies the value.
    database.prepare(
      `UPDATE state_expiry SET key = ?
       WHERE namespace = ? AND collection = ? AND key_hash = ? AND key = ''`,
    ).run(key, namespace, collection, keyHash);
  }
}
