/** The world state in one database connection: point reads, ranges, and the writes of a block. */
import type { Database, Row, Statement } from "../storage/database.ts";
import type { Version } from "../types.ts";
import { stateRange } from "./state-key.ts";

export interface VersionedValue {
  readonly value: Uint8Array;
  /** Serialized entries; undefined where the key has none. */
  readonly metadata: Uint8Array | undefined;
  readonly version: Version;
}

export interface StoredEntry extends VersionedValue {
  /** Namespace, zero byte, key. */
  readonly stored: Uint8Array;
}

/** What the state knows of a key besides its value. */
export interface StateHeader {
  readonly version: Version;
  readonly metadata: Uint8Array | undefined;
  /** Row of its last write in the history; undefined where the history never saw it. */
  readonly history: number | undefined;
}

/** Entries one after the other; undefined at the end. */
export interface EntryCursor {
  next(): StoredEntry | undefined;
}

/** Committed state as MVCC and simulations need it; all reads of one view see one height. */
export interface StateView {
  get(stored: Uint8Array): VersionedValue | undefined;
  header(stored: Uint8Array): StateHeader | undefined;
  /** Stored keys in [from, to) in byte order. */
  range(from: Uint8Array, to: Uint8Array): EntryCursor;
}

export interface ReadSizes {
  readonly maxRowsPerRead: number;
  readonly targetBytesPerRead: number;
}

/** Rows of the first read of a range: most queries want few. */
const firstRead = 16;

/** Reads a range in pieces, so that no statement stays open between calls. */
class PiecewiseCursor implements EntryCursor {
  #rows: Row[] = [];
  #index = 0;
  #from: Uint8Array;
  #inclusive = true;
  #ended = false;
  #limit: number;

  constructor(
    readonly first: Statement,
    readonly later: Statement,
    from: Uint8Array,
    readonly to: Uint8Array,
    readonly sizes: ReadSizes,
  ) {
    this.#from = from;
    this.#limit = Math.min(firstRead, sizes.maxRowsPerRead);
  }

  next(): StoredEntry | undefined {
    if (this.#index >= this.#rows.length) {
      if (this.#ended) return undefined;
      this.#read();
      if (this.#rows.length === 0) return undefined;
    }
    const row = this.#rows[this.#index++];
    return { stored: row.key as Uint8Array, ...valueOf(row) };
  }

  #read(): void {
    const statement = this.#inclusive ? this.first : this.later;
    this.#rows = statement.all(this.#from, this.to, this.#limit);
    this.#index = 0;
    this.#ended = this.#rows.length < this.#limit;
    if (this.#rows.length === 0) return;
    this.#from = this.#rows[this.#rows.length - 1].key as Uint8Array;
    this.#inclusive = false;
    let bytes = 0;
    for (const row of this.#rows) bytes += (row.value as Uint8Array).length;
    const fitting = Math.floor(this.sizes.targetBytesPerRead / (bytes / this.#rows.length + 64));
    this.#limit = Math.max(1, Math.min(this.sizes.maxRowsPerRead, fitting));
  }
}

function versionOfRow(row: Row): Version {
  return { blockNumber: row.block as number, txNumber: row.tx as number };
}

function valueOf(row: Row): VersionedValue {
  return {
    value: row.value as Uint8Array,
    metadata: (row.metadata as Uint8Array | null) ?? undefined,
    version: versionOfRow(row),
  };
}

export class StateStore implements StateView {
  readonly #get: Statement;
  readonly #header: Statement;
  readonly #rangeFirst: Statement;
  readonly #rangeLater: Statement;

  constructor(readonly database: Database, readonly sizes: ReadSizes) {
    this.#get = database.prepare("SELECT value, metadata, block, tx FROM state WHERE key = ?");
    this.#header = database.prepare(
      "SELECT block, tx, metadata, history FROM state WHERE key = ?",
    );
    const range = (bound: string) =>
      database.prepare(
        `SELECT key, value, metadata, block, tx FROM state
         WHERE key ${bound} ? AND key < ? ORDER BY key LIMIT ?`,
      );
    this.#rangeFirst = range(">=");
    this.#rangeLater = range(">");
  }

  get(stored: Uint8Array): VersionedValue | undefined {
    const row = this.#get.get(stored);
    return row === undefined ? undefined : valueOf(row);
  }

  header(stored: Uint8Array): StateHeader | undefined {
    const row = this.#header.get(stored);
    if (row === undefined) return undefined;
    return {
      version: versionOfRow(row),
      metadata: (row.metadata as Uint8Array | null) ?? undefined,
      history: (row.history as number | null) ?? undefined,
    };
  }

  range(from: Uint8Array, to: Uint8Array): EntryCursor {
    return new PiecewiseCursor(this.#rangeFirst, this.#rangeLater, from, to, this.sizes);
  }

  /**
   * Writes or deletes one key; to be called inside a write transaction.
   * @param history row of its last write, where the history has a new one
   */
  apply(stored: Uint8Array, update: VersionedValue | undefined, history?: number): void {
    if (update === undefined) {
      this.database.prepare("DELETE FROM state WHERE key = ?").run(stored);
      return;
    }
    this.database.prepare(
      `INSERT INTO state (key, block, tx, history, metadata, value) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET
         block = excluded.block, tx = excluded.tx,
         history = COALESCE(excluded.history, history),
         metadata = excluded.metadata, value = excluded.value`,
    ).run(
      stored,
      update.version.blockNumber,
      update.version.txNumber,
      history ?? null,
      update.metadata ?? null,
      update.value,
    );
  }
}

/** A range of textual keys; an empty end means the namespace's end. */
export function stateRangeCursor(
  view: StateView,
  namespace: string,
  start: string,
  end: string,
): EntryCursor {
  const { from, to } = stateRange(namespace, start, end);
  return view.range(from, to);
}
