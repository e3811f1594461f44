/** Writes a prepared block, its index, state, history and private data in one SQLite transaction. */
import { HeaderType } from "../gen/common/common_pb.ts";
import type { Block } from "../gen/common/common_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { PreparedBlock } from "./block-preparation.ts";
import type { BlockStore } from "./block/block-store.ts";
import { BlockHistory } from "./history-store.ts";
import type { CommittedState } from "./mvcc/committed-state.ts";
import type { CollectionUpdates, Update } from "./mvcc/update-batch.ts";
import { expirePrivateData, storePrivateData } from "./private/private-data-store.ts";
import type { IndexWriter } from "./mango/index-store.ts";
import { type CollectionLifetime, expireKeys, scheduleExpiry } from "./private/state-expiry.ts";
import { hashBytes, hashedStateKey, privateNamespace, stateKey } from "./state/state-key.ts";
import type { StateStore, VersionedValue } from "./state/state-store.ts";
import type { Database } from "./storage/database.ts";
import type { BlockPrivateData, MissingPrivateData } from "./types.ts";

export interface BlockWrite {
  readonly number: number;
  /** With its final metadata. */
  readonly block: Block;
  readonly firstOrdinal: number;
  readonly prepared: PreparedBlock;
  readonly privateUpdates: CollectionUpdates;
  readonly privateData: BlockPrivateData;
  readonly missing: readonly MissingPrivateData[];
}

export interface CommitStores {
  readonly database: Database;
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly historyEnabled: boolean;
  readonly lifetime: CollectionLifetime;
  /** Places of the written documents in the indexes of rich queries. */
  readonly indexes: IndexWriter;
  /** The form in which the state keeps a value. */
  readonly storedForm: (value: Uint8Array) => Uint8Array;
}

function stored(
  { value, metadata, version }: Update,
  form: (value: Uint8Array) => Uint8Array = (given) => given,
): VersionedValue | undefined {
  return value === undefined ? undefined : { value: form(value), metadata, version };
}

/** Notes who wrote what; undefined where the peer keeps no history. */
function writeHistory(
  write: BlockWrite,
  { database, historyEnabled }: CommitStores,
  committed: CommittedState,
): BlockHistory | undefined {
  if (!historyEnabled) return undefined;
  const history = new BlockHistory(database, committed);
  const { prepared, firstOrdinal } = write;
  for (const { txNumber, set, type } of prepared.transactions) {
    if (prepared.flags[txNumber] !== TxValidationCode.VALID) continue;
    if (type === HeaderType.ENDORSER_TRANSACTION) history.add(set, firstOrdinal + txNumber);
  }
  return history;
}

function writeState(
  write: BlockWrite,
  { state, indexes, storedForm }: CommitStores,
  history: BlockHistory | undefined,
): void {
  const { publicUpdates, hashedUpdates } = write.prepared.mvcc;
  for (const namespace of publicUpdates.namespaces()) {
    for (const [key, update] of publicUpdates.of(namespace) ?? []) {
      const name = stateKey(namespace, key);
      history?.noteExistence(namespace, key, name, update.value !== undefined);
      const entry = stored(update, storedForm);
      indexes.note(namespace, name, entry?.value);
      state.apply(name, entry, history?.lastWrite(namespace, key));
    }
  }
  for (const { namespace, collection, key, update } of hashedUpdates.all()) {
    state.apply(hashedStateKey(namespace, collection, hashBytes(key)), stored(update));
  }
  for (const { namespace, collection, key, update } of write.privateUpdates.all()) {
    const collectionNamespace = privateNamespace(namespace, collection);
    const name = stateKey(collectionNamespace, key);
    const entry = stored(update, storedForm);
    indexes.note(collectionNamespace, name, entry?.value);
    state.apply(name, entry);
  }
}

/** Milliseconds that parts of the writing took. */
export interface WriteTimes {
  /** History, private data and their expiry. */
  readonly privateData: number;
  readonly state: number;
}

/** Inside a write transaction. @param committed state before this block */
export function writeBlock(
  write: BlockWrite,
  stores: CommitStores,
  committed: CommittedState,
): WriteTimes {
  const { number, prepared, privateUpdates, firstOrdinal } = write;
  const { database, blocks, lifetime } = stores;
  const { hashedUpdates } = prepared.mvcc;
  blocks.add(write.block, firstOrdinal, prepared.flags, prepared.indexedTxIds);
  const blockAt = performance.now();
  const history = writeHistory(write, stores, committed);
  // Lifetimes come from the state before this block: ask before it is written.
  scheduleExpiry(database, hashedUpdates, privateUpdates, lifetime);
  storePrivateData(database, number, write.privateData, write.missing, lifetime);
  expireKeys(database, number, hashedUpdates, privateUpdates, committed);
  expirePrivateData(database, number);
  const privateDataAt = performance.now();
  writeState(write, stores, history);
  return { privateData: privateDataAt - blockAt, state: performance.now() - privateDataAt };
}
