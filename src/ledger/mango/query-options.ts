/**
 * The query document: what may stand in it, and CouchDB's words for what may not.
 * Mirrors statecouchdb.go applyAdditionalQueryOptions and mango_opts of CouchDB 2.3.1.
 */
import { utf8 } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { couchError, erlangText } from "./errors.ts";
import { parseField } from "./field-path.ts";
import {
  fieldOf,
  isObject,
  type JsonObject,
  type JsonValue,
  maxNesting,
  nestingBound,
} from "./json.ts";
import { normalize, type Selector } from "./selector.ts";

export interface QueryOptions {
  readonly selector: Selector;
  readonly sort: readonly string[];
  readonly descending: boolean;
  /** Undefined: whole documents. */
  readonly fields: readonly (readonly string[])[] | undefined;
  readonly skip: number;
  /** "" begins at the first result. */
  readonly bookmark: string;
  /** Design document and index name; empty where the query leaves the choice. */
  readonly useIndex: readonly string[];
}

/** Bytes of a query; longer ones are refused. */
export const maxQueryBytes = 1 << 20;

function refuse(message: string): DenimError {
  return new DenimError("bad-rich-query", message);
}

const goTypes: Readonly<Record<string, string>> = {
  string: "string",
  number: "number",
  boolean: "bool",
};

/** Integers that a float64 cannot hold stay exact, as Go's UseNumber keeps them. */
function parseJson(json: string): JsonValue {
  if (!/\d{16}/.test(json)) return JSON.parse(json);
  const exact = (_name: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && context?.source !== undefined &&
      /^-?\d+$/.test(context.source)
      ? BigInt(context.source)
      : value;
  return JSON.parse(json, exact);
}

/** End of the object that the text begins with: Go's decoder reads no further. */
function endOfObject(json: string): number | undefined {
  let depth = 0;
  for (const { 0: token, index } of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/gs)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    if (depth === 0) return index + token.length;
  }
  return undefined;
}

function decodeQuery(query: string): JsonObject {
  if (query.length > maxQueryBytes) throw refuse(`query is longer than ${maxQueryBytes} bytes`);
  if (nestingBound(utf8(query)) > maxNesting) {
    throw refuse(`query is nested deeper than ${maxNesting} levels`);
  }
  const json = query.replace(/^[ \t\r\n]+/, "");
  if (json === "") throw refuse("EOF");
  let value: JsonValue;
  try {
    value = parseJson(json);
  } catch (cause) {
    if (!/^[{["\dtfn-]/.test(json)) {
      throw refuse(`invalid character '${json[0]}' looking for beginning of value`);
    }
    const end = json.startsWith("{") ? endOfObject(json) : undefined;
    if (end === undefined) throw refuse("unexpected EOF");
    if (end === json.length) throw refuse(`query is not JSON: ${(cause as Error).message}`);
    return decodeQuery(json.slice(0, end));
  }
  if (isObject(value)) return value;
  // Go's peer panics on null.
  const type = Array.isArray(value) ? "array" : goTypes[typeof value] ?? "null";
  throw refuse(`json: cannot unmarshal ${type} into Go value of type map[string]interface {}`);
}

function nonNegative(value: JsonValue): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  const reason = `${erlangText(value)} is not an integer greater than or equal to zero`;
  throw couchError("invalid_non_neg_integer", reason);
}

function boolean(value: JsonValue): void {
  if (typeof value === "boolean") return;
  throw couchError("invalid_boolean", `Invalid boolean value: ${erlangText(value)}`);
}

function readIndexName(value: JsonValue): string[] {
  if (value === null) return [];
  const parts = typeof value === "string" ? splitIndexName(value) : value;
  if (Array.isArray(parts) && parts.length <= 2 && parts.every((p) => typeof p === "string")) {
    return parts as string[];
  }
  throw couchError("invalid_index_name", `Invalid index name: ${erlangText(value)}`);
}

/** Split at the first slash only, as CouchDB does. */
function splitIndexName(name: string): string[] {
  const slash = name.indexOf("/");
  if (slash < 0) return [name];
  const [first, rest] = [name.slice(0, slash), name.slice(slash + 1)];
  return first === "_design" ? [rest] : [first, rest];
}

function readBookmark(value: JsonValue): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  throw couchError("invalid_bookmark", `Invalid bookmark value: ${erlangText(value)}`);
}

/** Names and directions of a sort, or of an index definition. @throws DenimError */
export function readSort(value: JsonValue): { names: string[]; descending: boolean } {
  if (!Array.isArray(value)) {
    const reason = `Sort must be an array of sort specs, not: ${erlangText(value)}`;
    throw couchError("invalid_sort_json", reason);
  }
  const fields = value.map(readSortField);
  if (new Set(fields.map(([, direction]) => direction)).size > 1) {
    throw couchError(
      "unsupported_mixed_sort",
      "Sorts currently only support a single direction for all fields.",
    );
  }
  return { names: fields.map(([name]) => name), descending: fields[0]?.[1] === "desc" };
}

function readSortField(field: JsonValue): [name: string, direction: "asc" | "desc"] {
  if (typeof field === "string" && field !== "") return [field, "asc"];
  const entries = isObject(field) ? Object.entries(field) : [];
  if (entries.length === 1) {
    const [name, direction] = entries[0];
    if (direction === "asc" || direction === "desc") return [name, direction];
  }
  throw couchError("invalid_sort_field", `Invalid sort field: ${erlangText(field)}`);
}

function readFields(value: JsonValue[] | undefined): string[][] | undefined {
  return value?.map((field) => {
    if (typeof field === "string") return parseField(field);
    throw couchError("invalid_field", `Invalid JSON for field spec: ${erlangText(field)}`);
  });
}

const ignored: Readonly<Record<string, (value: JsonValue) => void>> = {
  // Fabric replaces it with its own.
  limit: () => {},
  r: (value) => {
    if (typeof value === "number" && Number.isInteger(value) && value > 0) return;
    const reason = `${erlangText(value)} is not an integer greater than zero`;
    throw couchError("invalid_pos_integer", reason);
  },
  conflicts: boolean,
  stale: (value) => {
    if (value === "ok" || value === "false" || value === false) return;
    throw couchError("unknown_error", `Invalid stale value: ${erlangText(value)}`, 500);
  },
  update: boolean,
  stable: boolean,
  execution_stats: boolean,
};
const known = ["selector", "use_index", "bookmark", "skip", "sort", "fields"];

/** @throws DenimError `bad-rich-query` with the text that Fabric gives the chaincode */
export function parseQuery(query: string): QueryOptions {
  const document = decodeQuery(query);
  const given = (name: string) => fieldOf(document, name);
  const fieldList = given("fields");
  if (fieldList !== undefined && !Array.isArray(fieldList)) {
    throw refuse("fields definition must be an array");
  }
  const selector = given("selector");
  if (selector === undefined) {
    throw couchError("missing_required_key", "Missing required key: selector");
  }
  const normal = normalize(selector);
  const useIndex = readIndexName(given("use_index") ?? null);
  const bookmark = readBookmark(given("bookmark") ?? null);
  const skip = nonNegative(given("skip") ?? 0);
  const { names, descending } = readSort(given("sort") ?? []);
  const fields = readFields(fieldList);
  for (const [name, value] of Object.entries(document)) {
    if (Object.hasOwn(ignored, name)) ignored[name](value);
    else if (!known.includes(name)) {
      throw couchError("invalid_key", `Invalid key ${name} for this request.`);
    }
  }
  return { selector: normal, sort: names, descending, fields, skip, bookmark, useIndex };
}
