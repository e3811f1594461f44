/**
 * JSON as statecouchdb keeps it: which values are JSON documents, and the bytes that come back.
 * Mirrors couchdoc_conv.go of Fabric 1.4.2 with the JSON rules of Go.
 */
import { compareUtf8, text, utf8 } from "../../base/bytes.ts";

export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject;
export interface JsonObject {
  [field: string]: JsonValue;
}

/** Documents nested deeper than this (levels) count as binary values; such queries are refused. */
export const maxNesting = 1_000;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of a field that the object itself has. */
export function fieldOf(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Sets a field, whatever its name. */
export function setField(object: JsonObject, name: string, value: JsonValue): void {
  if (name !== "__proto__") {
    object[name] = value;
    return;
  }
  const property = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(object, name, property);
}

/** Names of the fields in the order of documents: by bytes. */
export function fieldNames(object: JsonObject): string[] {
  return Object.keys(object).sort(compareUtf8);
}

const openBrace = 0x7b;
const openBracket = 0x5b;

function firstVisible(bytes: Uint8Array): number | undefined {
  return bytes.find((byte) => byte !== 0x20 && (byte < 0x09 || byte > 0x0d));
}

/** Levels of brackets, those inside of strings counted too: an upper bound that costs little. */
export function nestingBound(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  for (const byte of bytes) {
    if (byte === openBrace || byte === openBracket) deepest = Math.max(deepest, ++depth);
    else if (byte === openBrace + 2 || byte === openBracket + 2) depth--;
  }
  return deepest;
}

/** Go turns unpaired surrogates into U+FFFD and refuses numbers that no float64 holds. */
function mended(value: JsonValue): JsonValue | undefined {
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (Array.isArray(value)) {
    const items = value.map(mended);
    return items.includes(undefined) ? undefined : items as JsonValue[];
  }
  if (!isObject(value)) return value;
  const object: JsonObject = {};
  for (const [name, field] of Object.entries(value)) {
    const item = mended(field);
    if (item === undefined) return undefined;
    setField(object, name.toWellFormed(), item);
  }
  return object;
}

const needsMending = /\\u[dD][89a-fA-F]|[eE]\+?\d{3}|\d{309}/;

/** The JSON object that the bytes are, or undefined where CouchDB would keep an attachment. */
export function parseDocument(bytes: Uint8Array): JsonObject | undefined {
  if (firstVisible(bytes) !== openBrace) return undefined;
  if (bytes.length > 2 * maxNesting && nestingBound(bytes) > maxNesting) return undefined;
  const json = text(bytes);
  let value: JsonValue | undefined;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (value !== undefined && needsMending.test(json)) value = mended(value);
  return isObject(value) ? value : undefined;
}

/** Characters that Go's encoder writes as escapes. */
// deno-lint-ignore no-control-regex
const escaped = /["\\<>&\u0000-\u001f\u2028\u2029]/g;
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quoted(value: string): string {
  const body = value.replace(
    escaped,
    (c) => shortEscapes[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${body}"`;
}

/** JSON as Go's json.Marshal writes it from a map: fields by name, no spaces, HTML escaped. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") return value === 0 ? "0" : String(value);
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const fields = fieldNames(value).map((name) => `${quoted(name)}:${canonicalJson(value[name])}`);
  return `{${fields.join(",")}}`;
}

/** The bytes in which CouchDB gives a value back: JSON objects are written anew, others stay. */
export function canonicalDocument(value: Uint8Array): Uint8Array {
  const document = parseDocument(value);
  return document === undefined ? value : utf8(canonicalJson(document));
}
