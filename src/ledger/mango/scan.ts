/** The documents of a query, matching ones only, in the order of its plan. */
import { compare as compareBytes, compareUtf8, text } from "../../base/bytes.ts";
import type { IndexedState } from "../query/rich-query.ts";
import { splitStateKey, stateKey, stateRange } from "../state/state-key.ts";
import type { EntryCursor, StoredEntry } from "../state/state-store.ts";
import type { Database } from "../storage/database.ts";
import type { Position } from "./bookmark.ts";
import { compareJson } from "./collation.ts";
import { indexValues } from "./index-definition.ts";
import { documentOf, exactEntries, inexactEntries, type StoredIndex } from "./index-store.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { matches } from "./match.ts";
import { endOf, orderKey } from "./order-key.ts";
import type { ColumnRange } from "./planner.ts";
import type { Selector } from "./selector.ts";

/** A document that matches. */
export interface Hit {
  readonly entry: StoredEntry;
  readonly document: JsonObject;
  readonly position: Position;
}

export interface Scan {
  readonly view: IndexedState;
  readonly namespace: string;
  readonly selector: Selector;
  readonly descending: boolean;
  /** Begin here, this one included. */
  readonly start: Position | undefined;
  /** What selectors see of a value that is not JSON; undefined: such values match nothing. */
  readonly binary: ((key: string) => JsonObject) | undefined;
}

function hit(
  { selector, binary }: Scan,
  entry: StoredEntry,
  place: (document: JsonObject, key: string) => JsonValue | undefined,
): Hit | undefined {
  const key = text(splitStateKey(entry.stored).key);
  const document = documentOf(key, entry.value) ?? binary?.(key);
  if (document === undefined || !matches(selector, document)) return undefined;
  const value = place(document, key);
  return value === undefined ? undefined : { entry, document, position: { id: key, key: value } };
}

/** Newest keys first: a range backwards, in pieces. */
function descendingCursor(database: Database, from: Uint8Array, to: Uint8Array): EntryCursor {
  const rows = database.prepare(
    `SELECT key, value, metadata, block, tx FROM state
     WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT 64`,
  );
  let end = to;
  let read: ReturnType<typeof rows.all> = [];
  let next = 0;
  return {
    next: () => {
      if (next === read.length) {
        read = rows.all(from, end);
        next = 0;
      }
      const row = read[next++];
      if (row === undefined) return undefined;
      end = row.key as Uint8Array;
      return {
        stored: end,
        value: row.value as Uint8Array,
        metadata: (row.metadata as Uint8Array | null) ?? undefined,
        version: { blockNumber: row.block as number, txNumber: row.tx as number },
      };
    },
  };
}

function isBefore(a: Position, b: Position, descending: boolean): boolean {
  const order = compareJson(a.key, b.key) || compareUtf8(a.id, b.id);
  return descending ? order > 0 : order < 0;
}

/** All documents by id, which is the order of keys. */
export function* scanAll(scan: Scan, range: ColumnRange | undefined): Generator<Hit> {
  const { view, namespace, descending, start } = scan;
  const low = typeof range?.low === "string" ? range.low : "";
  const high = typeof range?.high === "string" ? range.high : undefined;
  const { from, to } = stateRange(namespace, low, "");
  const after = high === undefined ? to : stateKey(namespace, `${high}\0`);
  const begin = start?.id ?? "";
  const cursor = descending
    ? descendingCursor(
      view.database,
      from,
      start && (high === undefined || compareUtf8(begin, high) < 0)
        ? stateKey(namespace, `${begin}\0`)
        : after,
    )
    : view.range(compareUtf8(begin, low) > 0 ? stateKey(namespace, begin) : from, after);
  for (let entry = cursor.next(); entry !== undefined; entry = cursor.next()) {
    const found = hit(scan, entry, (_, key) => key);
    if (found) yield found;
  }
}

/** Values of the first columns of a range's lower and upper ends. */
function ends(ranges: readonly ColumnRange[], end: "low" | "high"): JsonValue[] {
  const values: JsonValue[] = [];
  for (const range of ranges) {
    const value = range[end];
    if (value === undefined) break;
    values.push(value);
    // Only where the column is fixed does the next one count.
    if (range.low === undefined || range.high === undefined) break;
    if (compareJson(range.low, range.high) !== 0) break;
  }
  return values;
}

/** Documents of an index by its values, then by id. */
export function* scanIndex(
  scan: Scan,
  index: StoredIndex,
  ranges: readonly ColumnRange[],
): Generator<Hit> {
  const { view, descending, start } = scan;
  let low = orderKey(ends(ranges, "low")).bytes;
  let high = endOf(orderKey(ends(ranges, "high")).bytes);
  if (start && Array.isArray(start.key)) {
    const { bytes } = orderKey(start.key);
    if (descending) high = smaller(high, endOf(bytes));
    else low = larger(low, bytes);
  }
  const load = (stored: Uint8Array): Hit | undefined => {
    const value = view.get(stored);
    const found = value &&
      hit(scan, { stored, ...value }, (document) => indexValues(index, document));
    return found && start && isBefore(found.position, start, descending) ? undefined : found;
  };
  const unsure = inexactEntries(view.database, index.id, low, high)
    .flatMap((stored) => load(stored) ?? [])
    .sort((a, b) => isBefore(a.position, b.position, descending) ? -1 : 1);
  for (const stored of exactEntries(view.database, index.id, low, high, descending)) {
    const found = load(stored);
    if (found === undefined) continue;
    while (unsure.length > 0 && isBefore(unsure[0].position, found.position, descending)) {
      yield unsure.shift() as Hit;
    }
    yield found;
  }
  yield* unsure;
}

function larger(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) >= 0 ? a : b;
}

function smaller(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) <= 0 ? a : b;
}
