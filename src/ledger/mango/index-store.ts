/**
 * Indexes of rich queries in a ledger's file: their definitions, and for each document its place in
 * each of them. Kept in the transactions that write the state, so both always agree.
 */
import { equal, text, utf8 } from "../../base/bytes.ts";
import type { Database } from "../storage/database.ts";
import { type IndexDefinition, indexValues, parseIndexDefinition } from "./index-definition.ts";
import { type JsonObject, parseDocument, setField } from "./json.ts";
import { type OrderKey, orderKey } from "./order-key.ts";

export interface StoredIndex extends IndexDefinition {
  readonly id: number;
}

/** Tables for `createTables`. */
export const richIndexTables = [
  `CREATE TABLE rich_index (
     id INTEGER PRIMARY KEY,
     namespace TEXT NOT NULL,
     design_document TEXT NOT NULL,
     name TEXT NOT NULL,
     definition TEXT NOT NULL,
     UNIQUE (namespace, design_document, name))`,
  // place: the order key of the document's values; exact: whether it says all. doc: stored state key.
  `CREATE TABLE rich_entry (
     index_id INTEGER NOT NULL,
     exact INTEGER NOT NULL,
     place BLOB NOT NULL,
     doc BLOB NOT NULL,
     PRIMARY KEY (index_id, exact, place, doc)) WITHOUT ROWID`,
  // Which package a chaincode's indexes came from.
  `CREATE TABLE rich_source (chaincode TEXT PRIMARY KEY, source TEXT NOT NULL)`,
];

/** A document as selectors and indexes see it: with its key as `_id`. */
export function documentOf(key: string, value: Uint8Array): JsonObject | undefined {
  const document = parseDocument(value);
  if (document) setField(document, "_id", key);
  return document;
}

function keyOf(namespace: string, stored: Uint8Array): string {
  return text(stored.subarray(utf8(namespace).length + 1));
}

/** Definitions of a namespace. */
export function indexesOf(database: Database, namespace: string): StoredIndex[] {
  return database.prepare("SELECT id, definition FROM rich_index WHERE namespace = ?")
    .all(namespace)
    .map((row) => ({
      id: row.id as number,
      ...parseIndexDefinition(utf8(row.definition as string)),
    }));
}

export class IndexWriter {
  readonly #indexes = new Map<string, StoredIndex[]>();

  /** @param database its write transaction is the caller's */
  constructor(readonly database: Database) {}

  /** Notes that a key of the state is about to be written, or deleted (no value). */
  note(namespace: string, stored: Uint8Array, value: Uint8Array | undefined): void {
    let indexes = this.#indexes.get(namespace);
    if (indexes === undefined) {
      indexes = indexesOf(this.database, namespace);
      this.#indexes.set(namespace, indexes);
    }
    if (indexes.length === 0) return;
    const key = keyOf(namespace, stored);
    const row = this.database.prepare("SELECT value FROM state WHERE key = ?").get(stored);
    const before = row && documentOf(key, row.value as Uint8Array);
    const after = value && documentOf(key, value);
    for (const index of indexes) {
      const left = placeOf(index, before);
      const taken = placeOf(index, after);
      if (left && taken && left.exact === taken.exact && equal(left.bytes, taken.bytes)) continue;
      if (left) this.#leave(index, stored, left);
      if (taken) this.#take(index, stored, taken);
    }
  }

  /** Makes an index over what the namespace holds, in place of one of the same name. */
  define(namespace: string, definition: IndexDefinition): void {
    this.#indexes.delete(namespace);
    const { designDocument, name, source } = definition;
    const known = this.database.prepare(
      "SELECT id, definition FROM rich_index WHERE namespace = ? AND design_document = ? AND name = ?",
    ).get(namespace, designDocument, name);
    if (known?.definition === source) return;
    if (known) {
      this.database.prepare("DELETE FROM rich_entry WHERE index_id = ?").run(known.id as number);
      this.database.prepare("DELETE FROM rich_index WHERE id = ?").run(known.id as number);
    }
    const row = this.database.prepare(
      `INSERT INTO rich_index (namespace, design_document, name, definition)
       VALUES (?, ?, ?, ?) RETURNING id`,
    ).get(namespace, designDocument, name, source);
    this.#fill(namespace, { id: row?.id as number, ...definition });
  }

  #fill(namespace: string, index: StoredIndex): void {
    const rows = this.database.prepare(
      "SELECT key, value FROM state WHERE key > ? AND key < ? ORDER BY key LIMIT 256",
    );
    const end = utf8(`${namespace}\x01`);
    for (let after = utf8(`${namespace}\0`);;) {
      const read = rows.all(after, end);
      for (const row of read) {
        const stored = row.key as Uint8Array<ArrayBuffer>;
        const document = documentOf(keyOf(namespace, stored), row.value as Uint8Array);
        const place = placeOf(index, document);
        if (place) this.#take(index, stored, place);
        after = stored;
      }
      if (read.length === 0) return;
    }
  }

  #take(index: StoredIndex, stored: Uint8Array, { bytes, exact }: OrderKey): void {
    this.database.prepare(
      "INSERT INTO rich_entry (index_id, exact, place, doc) VALUES (?, ?, ?, ?)",
    ).run(index.id, exact ? 1 : 0, bytes, stored);
  }

  #leave(index: StoredIndex, stored: Uint8Array, { bytes, exact }: OrderKey): void {
    this.database.prepare(
      "DELETE FROM rich_entry WHERE index_id = ? AND exact = ? AND place = ? AND doc = ?",
    ).run(index.id, exact ? 1 : 0, bytes, stored);
  }
}

/** A document's place in an index: made from its value alone, so it can be found again. */
function placeOf(index: StoredIndex, document: JsonObject | undefined): OrderKey | undefined {
  const values = document && indexValues(index, document);
  return values && orderKey(values);
}

/** Documents read at once from an index. */
const maxRowsPerRead = 128;

/** Stored keys of the documents between two places, both included, in order. */
export function* exactEntries(
  database: Database,
  indexId: number,
  low: Uint8Array,
  high: Uint8Array,
  descending: boolean,
): Generator<Uint8Array> {
  const order = descending ? "DESC" : "ASC";
  const beyond = descending ? "<" : ">";
  const select = "SELECT place, doc FROM rich_entry WHERE index_id = ? AND exact = 1 AND";
  const limit = `ORDER BY place ${order}, doc ${order} LIMIT ?`;
  const first = database.prepare(`${select} place BETWEEN ? AND ? ${limit}`);
  const later = database.prepare(
    `${select} (place, doc) ${beyond} (?, ?) AND place BETWEEN ? AND ? ${limit}`,
  );
  let size = 16;
  let rows = first.all(indexId, low, high, size);
  while (rows.length > 0) {
    for (const row of rows) yield row.doc as Uint8Array;
    if (rows.length < size) return;
    size = maxRowsPerRead;
    const { place, doc } = rows[rows.length - 1];
    rows = later.all(indexId, place as Uint8Array, doc as Uint8Array, low, high, size);
  }
}

/** Stored keys of the documents whose place is only known to begin inside of the range. */
export function inexactEntries(
  database: Database,
  indexId: number,
  low: Uint8Array,
  high: Uint8Array,
): Uint8Array[] {
  const select = "SELECT doc FROM rich_entry WHERE index_id = ? AND exact = 0 AND";
  const between = database.prepare(`${select} place BETWEEN ? AND ?`).all(indexId, low, high);
  // A shorter key sorts before `low`, but what it is the beginning of may not.
  const equal = database.prepare(`${select} place = ?`);
  const shorter = Array.from(low, (_, length) => equal.all(indexId, low.subarray(0, length)))
    .flat();
  return [...between, ...shorter].map((row) => row.doc as Uint8Array);
}
