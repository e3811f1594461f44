/**
 * CouchDB's orders of JSON values: the collation of views and selectors
 * (null < false < true < numbers < strings by ICU < arrays < objects), and Erlang's own order, which
 * rules for document ids.
 */
import { compareUtf8 } from "../../base/bytes.ts";
import { fieldNames, type JsonObject, type JsonValue } from "./json.ts";

export type Comparison = (a: JsonValue, b: JsonValue) => number;

/** ICU's root collation; English has no rules of its own, and is there whatever the environment. */
const collator = new Intl.Collator("en", { usage: "sort", sensitivity: "variant" });

export function compareStrings(a: string, b: string): number {
  return a === b ? 0 : collator.compare(a, b);
}

function rank(value: JsonValue): number {
  if (value === null) return 0;
  if (value === false) return 1;
  if (value === true) return 2;
  if (typeof value === "number" || typeof value === "bigint") return 3;
  if (typeof value === "string") return 4;
  return Array.isArray(value) ? 5 : 6;
}

function compareLists(a: JsonValue[], b: JsonValue[], compare: Comparison): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const order = compare(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareFields(
  a: JsonObject,
  b: JsonObject,
  compareNames: (a: string, b: string) => number,
  compare: Comparison,
): number {
  const [names, others] = [fieldNames(a), fieldNames(b)];
  const shared = Math.min(names.length, others.length);
  for (let i = 0; i < shared; i++) {
    const order = compareNames(names[i], others[i]) || compare(a[names[i]], b[others[i]]);
    if (order !== 0) return order;
  }
  return names.length - others.length;
}

/** Order of views and selectors. Mirrors couch_ejson_compare. */
export function compareJson(a: JsonValue, b: JsonValue): number {
  const order = rank(a) - rank(b);
  if (order !== 0) return order;
  if (typeof a === "string") return compareStrings(a, b as string);
  if (Array.isArray(a)) return compareLists(a, b as JsonValue[], compareJson);
  if (typeof a === "object" && a !== null) {
    return compareFields(a, b as JsonObject, compareStrings, compareJson);
  }
  return numeric(a) < numeric(b) ? -1 : numeric(a) > numeric(b) ? 1 : 0;
}

function numeric(value: JsonValue): number | bigint {
  return typeof value === "number" || typeof value === "bigint" ? value : 0;
}

/** Erlang: numbers < false < null < true < objects < arrays < strings. */
function rawRank(value: JsonValue): number {
  if (typeof value === "number" || typeof value === "bigint") return 0;
  if (value === false) return 1;
  if (value === null) return 2;
  if (value === true) return 3;
  if (typeof value === "string") return 6;
  return Array.isArray(value) ? 5 : 4;
}

/** Order of document ids. Mirrors mango_json:cmp_raw, which compares Erlang terms. */
export function compareRaw(a: JsonValue, b: JsonValue): number {
  const order = rawRank(a) - rawRank(b);
  if (order !== 0) return order;
  if (typeof a === "string") return compareUtf8(a, b as string);
  if (Array.isArray(a)) return compareLists(a, b as JsonValue[], compareRaw);
  if (typeof a === "object" && a !== null) {
    return compareFields(a, b as JsonObject, compareUtf8, compareRaw);
  }
  return compareJson(a, b);
}

/** Same value exactly, as `$all` asks (ICU's equality is wider). */
export function identical(a: JsonValue, b: JsonValue): boolean {
  return compareRaw(a, b) === 0;
}
