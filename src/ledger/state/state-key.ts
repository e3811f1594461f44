/**
 * Keys of the world state as stored: namespace, a zero byte, key. Byte order of stored keys is the
 * order of range queries. Mirrors stateleveldb.go and common_storage_db.go.
 */
import { Buffer } from "node:buffer";
import { concat, utf8 } from "../../base/bytes.ts";

/** Namespace that holds the clear values of a collection. */
export function privateNamespace(namespace: string, collection: string): string {
  return `${namespace}$$p${collection}`;
}

/** Namespace that holds the hashed values of a collection. */
export function hashedNamespace(namespace: string, collection: string): string {
  return `${namespace}$$h${collection}`;
}

/** Stored key of a textual key. */
export function stateKey(namespace: string, key: string): Uint8Array {
  return utf8(`${namespace}\0${key}`);
}

/** Stored key of a key hash in a collection's hashed namespace. */
export function hashedStateKey(
  namespace: string,
  collection: string,
  keyHash: Uint8Array,
): Uint8Array {
  return concat(utf8(`${hashedNamespace(namespace, collection)}\0`), keyHash);
}

/** Stored bounds [from, to) of a range of textual keys; an empty end means the namespace's end. */
export function stateRange(
  namespace: string,
  start: string,
  end: string,
): { from: Uint8Array; to: Uint8Array } {
  const from = stateKey(namespace, start);
  const to = end === "" ? utf8(`${namespace}\x01`) : stateKey(namespace, end);
  return { from, to };
}

/** Namespace and key bytes of a stored key. */
export function splitStateKey(stored: Uint8Array): { namespace: string; key: Uint8Array } {
  const separator = stored.indexOf(0);
  const namespace = Buffer.from(stored.subarray(0, separator)).toString("utf8");
  return { namespace, key: stored.subarray(separator + 1) };
}

/** A key hash as a string with one character per byte: usable as a map key, sorts as bytes. */
export function hashText(keyHash: Uint8Array): string {
  return Buffer.from(keyHash.buffer, keyHash.byteOffset, keyHash.byteLength).toString("latin1");
}

/** The bytes of `hashText`. */
export function hashBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
