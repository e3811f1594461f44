/** Byte-array helpers without dependencies: the small operations that every room needs. */
import { Buffer } from "node:buffer";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An empty array, shared; never write to it. */
export const emptyBytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** Texts up to here are mostly ASCII names and ids: faster without a call out of JavaScript. */
export const maxShortText = 96;

/** UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  const { length } = text;
  if (length > maxShortText) return encoder.encode(text);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encoder.encode(text);
    bytes[i] = unit;
  }
  return bytes;
}

/** The text where the bytes are short and ASCII. */
function shortAscii(bytes: Uint8Array): string | undefined {
  const { length } = bytes;
  if (length > maxShortText) return undefined;
  for (let i = 0; i < length; i++) {
    if (bytes[i] >= 0x80) return undefined;
  }
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** Text of UTF-8 bytes; malformed sequences become U+FFFD, a BOM is kept, as in Go. */
export function text(bytes: Uint8Array): string {
  return shortAscii(bytes) ?? decoder.decode(bytes);
}

/** Text of UTF-8 bytes (a BOM is kept). @throws TypeError where they are not valid UTF-8 */
export function validText(bytes: Uint8Array): string {
  return shortAscii(bytes) ?? strictDecoder.decode(bytes);
}

/** Text of UTF-8 bytes, or undefined where they are not valid UTF-8 (a BOM is kept). */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return validText(bytes);
  } catch {
    return undefined;
  }
}

/** One array with the parts one after the other. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Same length and same bytes (not constant-time). */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return compare(a, b) === 0;
}

/** Lexicographic order of bytes as Go's bytes.Compare: negative, 0 or positive. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return a.length - b.length;
}

/**
 * Order of two strings by their UTF-8 bytes, which is Go's string order; JavaScript's own `<`
 * compares UTF-16 units and differs above U+FFFF. Both must be well formed, as decoded text is.
 */
export function compareUtf8(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates (a code point above U+FFFF) sort after every unit of the basic plane.
    const xSurrogate = x >= 0xd800 && x <= 0xdfff;
    const ySurrogate = y >= 0xd800 && y <= 0xdfff;
    return xSurrogate === ySurrogate ? x - y : xSurrogate ? 1 : -1;
  }
  return a.length - b.length;
}

/** Lower-case hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Bytes of hexadecimal digits; undefined where the text is not whole pairs of digits. */
export function fromHex(digits: string): Uint8Array<ArrayBuffer> | undefined {
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return undefined;
  return new Uint8Array(Buffer.from(digits, "hex"));
}

/** One character for each byte: the cheapest exact key of bytes for a Map. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Standard base64 with padding. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** Bytes of standard base64 (lenient, as Buffer reads it). */
export function fromBase64(encoded: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(encoded, "base64"));
}
