/**
 * Which transactions wrote a key, oldest first; values come from the transactions themselves.
 * Mirrors core/ledger/kvledger/history/historydb/historyleveldb.
 */
import { DenimError } from "../base/errors.ts";
import type { BlockStore } from "./block/block-store.ts";
import { closedError } from "./query/results-iterators.ts";
import { type DecodedReadWriteSet, decodeReadWriteSet } from "./rwset/decode.ts";
import { stateKey } from "./state/state-key.ts";
import type { CommittedState } from "./mvcc/committed-state.ts";
import type { Database, Statement } from "./storage/database.ts";
import type { Snapshot } from "./storage/snapshot-pool.ts";
import { decodeTransaction, simulationResultsOf } from "./transaction/decode.ts";
import type { HistoryQueryExecutor, KeyModification, ResultsIterator } from "./types.ts";

/**
 * Notes the writes of one block. Each write points to the one before it; where a key's last write is,
 * the state keeps beside its value.
 */
export class BlockHistory {
  readonly #last = new Map<string, number>();
  readonly #insert: Statement;
  readonly #deleted: Statement;

  constructor(readonly database: Database, readonly committed: CommittedState) {
    this.#insert = database.prepare("INSERT INTO history (previous, ordinal) VALUES (?, ?)");
    this.#deleted = database.prepare("SELECT history FROM deleted_history WHERE key = ?");
  }

  /** To be called for valid endorser transactions in order, inside the block's transaction. */
  add(set: DecodedReadWriteSet, ordinal: number): void {
    for (const { namespace, kv } of set.namespaces) {
      const seen = new Set<string>();
      for (const { key } of kv.writes) {
        if (seen.has(key)) continue;
        seen.add(key);
        const name = `${namespace.length}:${namespace}${key}`;
        const previous = this.#last.get(name) ?? this.#committedLast(namespace, key);
        this.#last.set(name, this.#insert.insert(previous ?? null, ordinal));
      }
    }
  }

  /** Row of the block's last write of the key, undefined where there is none. */
  lastWrite(namespace: string, key: string): number | undefined {
    return this.#last.get(`${namespace.length}:${namespace}${key}`);
  }

  /** Keeps the way to a deleted key's writes, or takes it away once the state has the key again. */
  noteExistence(namespace: string, key: string, stored: Uint8Array, exists: boolean): void {
    const last = this.lastWrite(namespace, key);
    if (last === undefined) return;
    if (!exists) {
      this.database.prepare("INSERT OR REPLACE INTO deleted_history (key, history) VALUES (?, ?)")
        .run(stored, last);
    } else if (this.committed.header(namespace, key) === undefined) {
      this.database.prepare("DELETE FROM deleted_history WHERE key = ?").run(stored);
    }
  }

  #committedLast(namespace: string, key: string): number | undefined {
    const header = this.committed.header(namespace, key);
    if (header !== undefined) return header.history;
    return this.#deleted.get(stateKey(namespace, key))?.history as number | undefined;
  }
}

/** Transactions that wrote a key, oldest first. */
function ordinalsOf(database: Database, stored: Uint8Array): number[] {
  return database.prepare(
    `WITH RECURSIVE writes(id) AS (
       SELECT history FROM state WHERE key = ?1 AND history IS NOT NULL
       UNION ALL SELECT history FROM deleted_history WHERE key = ?1
       UNION ALL SELECT previous FROM history JOIN writes USING (id) WHERE previous IS NOT NULL)
     SELECT ordinal FROM history JOIN writes USING (id) ORDER BY id`,
  ).all(stored).map((row) => row.ordinal as number);
}

/** The first write of the key in the first set of its namespace, as Fabric looks for it. */
function modificationIn(
  envelope: Uint8Array,
  namespace: string,
  key: string,
): KeyModification | undefined {
  const transaction = decodeTransaction(envelope);
  if (transaction === undefined) return undefined;
  const set = decodeReadWriteSet(simulationResultsOf(transaction));
  const ns = set.namespaces.find((candidate) => candidate.namespace === namespace);
  const write = ns?.kv.writes.find((candidate) => candidate.key === key);
  if (write === undefined) return undefined;
  const { txId, timestamp } = transaction.channelHeader;
  return {
    txId,
    value: write.value,
    timestamp: timestamp && { seconds: timestamp.seconds, nanos: timestamp.nanos },
    isDelete: write.isDelete,
  };
}

class HistoryIterator implements ResultsIterator<KeyModification> {
  readonly #ordinals: readonly number[];
  #index = 0;
  #closed = false;

  constructor(
    database: Database,
    readonly blocks: BlockStore,
    readonly namespace: string,
    readonly key: string,
  ) {
    this.#ordinals = ordinalsOf(database, stateKey(namespace, key));
  }

  next(): KeyModification | undefined {
    if (this.#closed) throw closedError();
    while (this.#index < this.#ordinals.length) {
      const { envelope } = this.blocks.transactionAt(this.#ordinals[this.#index++]);
      const found = modificationIn(envelope, this.namespace, this.key);
      if (found) return found;
    }
    return undefined;
  }

  close(): void {
    this.#closed = true;
  }
}

/** History under one snapshot. */
export class StateHistory implements HistoryQueryExecutor {
  readonly #iterators: HistoryIterator[] = [];
  #done = false;

  /** @param enabled false answers every query as a peer without history database does */
  constructor(
    readonly snapshot: Snapshot,
    readonly blocks: BlockStore,
    readonly enabled: boolean,
  ) {}

  /** @throws DenimError `history-disabled` */
  getHistoryForKey(namespace: string, key: string): ResultsIterator<KeyModification> {
    if (!this.enabled) {
      throw new DenimError("history-disabled", "history database not enabled");
    }
    if (this.#done) throw closedError();
    const iterator = new HistoryIterator(this.snapshot.database, this.blocks, namespace, key);
    this.#iterators.push(iterator);
    return iterator;
  }

  done(): void {
    if (this.#done) return;
    this.#done = true;
    for (const iterator of this.#iterators) iterator.close();
    this.snapshot.release();
  }
}
