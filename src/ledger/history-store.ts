/**
 * Which transactions wrote a key, oldest first; values come from the transactions themselves.
 * Mirrors core/ledger/kvledger/history/historydb/historyleveldb.
 */
import { DenimError } from "../base/errors.ts";
import type { BlockStore } from "./block/block-store.ts";
import { closedError } from "./query/results-iterators.ts";
import { type DecodedReadWriteSet, decodeReadWriteSet } from "./rwset/decode.ts";
import { stateKey } from "./state/state-key.ts";
import type { Database } from "./storage/database.ts";
import type { Snapshot } from "./storage/snapshot-pool.ts";
import { decodeTransaction, simulationResultsOf } from "./transaction/decode.ts";
import type { HistoryQueryExecutor, KeyModification, ResultsIterator } from "./types.ts";

/** Transactions read at once while iterating. */
const rowsPerRead = 32;

/** Notes the keys that a valid endorser transaction writes. Inside the block's transaction. */
export function addHistory(database: Database, set: DecodedReadWriteSet, ordinal: number): void {
  const insert = database.prepare("INSERT OR IGNORE INTO history (key, ordinal) VALUES (?, ?)");
  for (const { namespace, kv } of set.namespaces) {
    for (const { key } of kv.writes) insert.run(stateKey(namespace, key), ordinal);
  }
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
  #ordinals: number[] = [];
  #after = -1;
  #ended = false;
  #closed = false;
  readonly #stored: Uint8Array;

  constructor(
    readonly database: Database,
    readonly blocks: BlockStore,
    readonly namespace: string,
    readonly key: string,
  ) {
    this.#stored = stateKey(namespace, key);
  }

  next(): KeyModification | undefined {
    if (this.#closed) throw closedError();
    for (let ordinal = this.#nextOrdinal(); ordinal !== undefined; ordinal = this.#nextOrdinal()) {
      const { envelope } = this.blocks.transactionAt(ordinal);
      const found = modificationIn(envelope, this.namespace, this.key);
      if (found) return found;
    }
    return undefined;
  }

  close(): void {
    this.#closed = true;
  }

  #nextOrdinal(): number | undefined {
    if (this.#ordinals.length === 0 && !this.#ended) {
      const rows = this.database.prepare(
        "SELECT ordinal FROM history WHERE key = ? AND ordinal > ? ORDER BY ordinal LIMIT ?",
      ).all(this.#stored, this.#after, rowsPerRead);
      this.#ordinals = rows.map((row) => row.ordinal as number);
      this.#after = this.#ordinals.at(-1) ?? this.#after;
      this.#ended = rows.length < rowsPerRead;
    }
    return this.#ordinals.shift();
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
