/**
 * A small strict DER reader and writer: what X.509, PKCS#8 and ECDSA signatures need.
 * Definite minimal lengths and single-byte tags only, as Go's encoding/asn1 accepts them.
 */
import { concat, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";

export type DerErrorCode = "bad-der";

/** Tag bytes by ASN.1 name. */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  generalString: 0x1b,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One tag-length-value: `raw` is the whole element, `content` its value. Both are views. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly raw: Uint8Array;
}

function bad(why: string, facts: Record<string, unknown> = {}): DenimError<DerErrorCode> {
  return new DenimError("bad-der", `malformed DER: ${why}`, facts);
}

/** Reads elements one after the other. Every method throws DenimError `bad-der`. */
export class DerReader {
  #offset = 0;

  constructor(readonly bytes: Uint8Array) {}

  get done(): boolean {
    return this.#offset >= this.bytes.length;
  }

  /** The tag of the next element, or undefined at the end. */
  peek(): number | undefined {
    return this.bytes[this.#offset];
  }

  /** The next element, which must have `expected` as its tag when that is given. */
  next(expected?: number, what = "element"): DerElement {
    const { bytes } = this;
    const start = this.#offset;
    if (start + 2 > bytes.length) throw bad(`${what} is missing or truncated`, { offset: start });
    const tagByte = bytes[start];
    if (expected !== undefined && tagByte !== expected) {
      throw bad(`${what}: expected tag 0x${expected.toString(16)}, got 0x${tagByte.toString(16)}`, {
        offset: start,
      });
    }
    if ((tagByte & 0x1f) === 0x1f) throw bad(`${what} has a multi-byte tag`, { offset: start });
    let at = start + 1;
    let length = bytes[at++];
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) throw bad(`${what} has an unsupported length`, { offset: at });
      if (at + count > bytes.length) throw bad(`${what} is truncated`, { offset: start });
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + bytes[at++];
      if (bytes[at - count] === 0 || length < 0x80) {
        throw bad(`${what} has a non-minimal length`, { offset: start });
      }
    }
    const end = at + length;
    if (end > bytes.length) throw bad(`${what} is truncated`, { offset: start });
    this.#offset = end;
    return { tag: tagByte, content: bytes.subarray(at, end), raw: bytes.subarray(start, end) };
  }

  /** The next element if it has this tag; otherwise nothing is consumed. */
  optional(expected: number, what = "element"): DerElement | undefined {
    return this.peek() === expected ? this.next(expected, what) : undefined;
  }

  /** A reader over the content of the next element. */
  enter(expected: number, what = "element"): DerReader {
    return new DerReader(this.next(expected, what).content);
  }

  /** Refuses leftover bytes. */
  end(what = "element"): void {
    if (!this.done) throw bad(`${what} has trailing data`, { offset: this.#offset });
  }
}

/** Bytes of a minimal two's-complement INTEGER; sign is in the first bit. */
export function integerContent(element: DerElement, what = "integer"): Uint8Array {
  const { content } = element;
  if (content.length === 0) throw bad(`${what} is empty`);
  if (content.length > 1) {
    const first = content[0];
    const high = content[1] >= 0x80;
    if ((first === 0x00 && !high) || (first === 0xff && high)) {
      throw bad(`${what} is not minimally encoded`);
    }
  }
  return content;
}

/** A small non-negative INTEGER as a number. */
export function smallInteger(element: DerElement, what = "integer"): number {
  const content = integerContent(element, what);
  if (content[0] >= 0x80 || content.length > 6) throw bad(`${what} is out of range`);
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/** The octets of a BIT STRING without unused bits (keys, signatures). */
export function bitStringOctets(element: DerElement, what = "bit string"): Uint8Array {
  const { content } = element;
  if (content.length === 0 || content[0] !== 0) throw bad(`${what} is not whole octets`);
  return content.subarray(1);
}

/** Dotted text of an OBJECT IDENTIFIER's content. */
export function oidText(content: Uint8Array): string {
  if (content.length === 0 || content[content.length - 1] >= 0x80) throw bad("object identifier");
  const arcs: number[] = [];
  let value = 0;
  let fresh = true;
  for (const byte of content) {
    if (fresh && byte === 0x80) throw bad("object identifier is not minimal");
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER) throw bad("object identifier arc is too large");
    fresh = byte < 0x80;
    if (!fresh) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      arcs.push(first, value - first * 40);
    } else arcs.push(value);
    value = 0;
  }
  return arcs.join(".");
}

/** One element from its tag and the concatenation of `parts`. */
export function element(tagByte: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tagByte];
  if (length < 0x80) head.push(length);
  else {
    const octets: number[] = [];
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff);
    head.push(0x80 | octets.length, ...octets);
  }
  return concat(Uint8Array.from(head), ...parts);
}

export const sequence = (...parts: Uint8Array[]) => element(tag.sequence, ...parts);
export const set = (...parts: Uint8Array[]) => element(tag.set, ...parts);
export const octetString = (bytes: Uint8Array) => element(tag.octetString, bytes);
export const bitString = (bytes: Uint8Array, unused = 0) =>
  element(tag.bitString, Uint8Array.of(unused), bytes);
export const boolean = (value: boolean) => element(tag.boolean, Uint8Array.of(value ? 0xff : 0));
export const printableString = (value: string) => element(tag.printableString, utf8(value));
export const utf8String = (value: string) => element(tag.utf8String, utf8(value));
/** A constructed context-specific element, `[n] EXPLICIT`. */
export const explicit = (n: number, ...parts: Uint8Array[]) => element(0xa0 | n, ...parts);
/** A primitive context-specific element, `[n] IMPLICIT`. */
export const implicit = (n: number, bytes: Uint8Array) => element(0x80 | n, bytes);

/** INTEGER of an unsigned big-endian magnitude. */
export function unsignedInteger(magnitude: Uint8Array): Uint8Array<ArrayBuffer> {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const trimmed = magnitude.length === 0 ? Uint8Array.of(0) : magnitude.subarray(start);
  return trimmed[0] >= 0x80
    ? element(tag.integer, Uint8Array.of(0), trimmed)
    : element(tag.integer, trimmed);
}

/** OBJECT IDENTIFIER from its dotted text. */
export function oid(dotted: string): Uint8Array<ArrayBuffer> {
  const arcs = dotted.split(".").map(Number);
  const octets: number[] = [];
  for (const arc of [arcs[0] * 40 + arcs[1], ...arcs.slice(2)]) {
    const group = [arc % 128];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
      group.unshift(0x80 | (rest % 128));
    }
    octets.push(...group);
  }
  return element(tag.oid, Uint8Array.from(octets));
}

/** UTCTime up to 2049, GeneralizedTime from 2050, as RFC 5280 asks. */
export function time(milliseconds: number): Uint8Array<ArrayBuffer> {
  const date = new Date(milliseconds);
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(0, 14) + "Z";
  return date.getUTCFullYear() < 2050
    ? element(tag.utcTime, utf8(digits.slice(2)))
    : element(tag.generalizedTime, utf8(digits));
}
