/**
 * Private keys of the world state that die with a block. Mirrors
 * core/ledger/kvledger/txmgmt/pvtstatepurgemgmt.
 */
import type { CommittedState } from "../mvcc/committed-state.ts";
import type { CollectionUpdates } from "../mvcc/update-batch.ts";
import { privateKeyHash } from "../rwset/builder.ts";
import { hashBytes, hashText } from "../state/state-key.ts";
import type { Database } from "../storage/database.ts";
import { expiringBlock } from "./collection-policy.ts";

/** Blocks that data of a collection lives; undefined for ever. */
export type CollectionLifetime = (namespace: string, collection: string) => number | undefined;

interface ScheduledKey {
  readonly committed: number;
  readonly namespace: string;
  readonly collection: string;
  /** Empty where this peer knows only the hash. */
  readonly key: string;
  readonly keyHash: Uint8Array;
}

function scheduled(database: Database, block: number): ScheduledKey[] {
  return database.prepare(
    "SELECT committed, namespace, collection, key, key_hash FROM state_expiry WHERE expires = ?",
  ).all(block).map((row) => ({
    committed: row.committed as number,
    namespace: row.namespace as string,
    collection: row.collection as string,
    key: row.key as string,
    keyHash: row.key_hash as Uint8Array,
  }));
}

/** Notes when the private keys written by this block die. Inside the block's transaction. */
export function scheduleExpiry(
  database: Database,
  hashedUpdates: CollectionUpdates,
  privateUpdates: CollectionUpdates,
  lifetime: CollectionLifetime,
): void {
  const insert = database.prepare(
    `INSERT INTO state_expiry (expires, committed, namespace, collection, key, key_hash)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );
  const known = new Set<string>();
  const add = (
    namespace: string,
    collection: string,
    key: string,
    keyHash: Uint8Array,
    committed: number,
  ) => {
    const expires = expiringBlock(committed, lifetime(namespace, collection));
    if (expires === undefined) return;
    insert.run(expires, committed, namespace, collection, key, keyHash);
  };
  for (const { namespace, collection, key, update } of privateUpdates.all()) {
    const keyHash = privateKeyHash(key);
    known.add(JSON.stringify([namespace, collection, hashText(keyHash)]));
    if (update.value === undefined) continue;
    add(namespace, collection, key, keyHash, update.version.blockNumber);
  }
  for (const { namespace, collection, key, update } of hashedUpdates.all()) {
    if (update.value === undefined || known.has(JSON.stringify([namespace, collection, key]))) {
      continue;
    }
    add(namespace, collection, "", hashBytes(key), update.version.blockNumber);
  }
}

/**
 * Adds deletes for keys whose time ends with `block` unless the block writes them or a later block
 * has. Called after the commit hash is taken: expiry is not part of it.
 */
export function expireKeys(
  database: Database,
  block: number,
  hashedUpdates: CollectionUpdates,
  privateUpdates: CollectionUpdates,
  state: CommittedState,
): void {
  const due = scheduled(database, block);
  if (due.length === 0) return;
  const version = { blockNumber: block, txNumber: Number.MAX_SAFE_INTEGER };
  const gone = { value: undefined, metadata: undefined, version };
  for (const { committed, namespace, collection, key, keyHash } of due) {
    const hash = hashText(keyHash);
    const header = state.hashedHeader(namespace, collection, keyHash);
    const hashIsOld = header?.version.blockNumber === committed;
    const clearIsOld = key !== "" &&
      state.getPrivate(namespace, collection, key)?.version.blockNumber === committed;
    // A hash rewritten later keeps living; the clear value may still be the old one.
    if (!hashIsOld && !clearIsOld) continue;
    if (hashIsOld && hashedUpdates.get(namespace, collection, hash) === undefined) {
      hashedUpdates.set(namespace, collection, hash, gone);
    }
    if (key !== "" && privateUpdates.get(namespace, collection, key) === undefined) {
      privateUpdates.set(namespace, collection, key, gone);
    }
  }
  database.prepare("DELETE FROM state_expiry WHERE expires = ?").run(block);
}
