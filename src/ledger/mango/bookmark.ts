/**
 * Bookmarks as CouchDB makes them: where a page ended, as an Erlang term, deflated, in base64url.
 * Pages can go on at another peer. Mirrors mango_json_bookmark.
 */
import { Buffer } from "node:buffer";
import { deflateSync, inflateSync } from "node:zlib";
import { concat, text, utf8 } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { couchError } from "./errors.ts";
import { fieldNames, type JsonObject, type JsonValue, setField } from "./json.ts";

/** The last result of a page. */
export interface Position {
  readonly id: string;
  /** Values in the index, or the id where all documents are read. */
  readonly key: JsonValue;
}

/** Bytes of a bookmark's term; CouchDB's are as long as the indexed values. */
const maxTermBytes = 1 << 20;
const maxNesting = 200;

const version = 131;
const tag = {
  compressed: 80,
  newFloat: 70,
  smallInteger: 97,
  integer: 98,
  atom: 100,
  smallTuple: 104,
  nil: 106,
  string: 107,
  list: 108,
  binary: 109,
  smallBig: 110,
} as const;

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function atom(name: string): Uint8Array {
  const bytes = utf8(name);
  return concat(Uint8Array.of(tag.atom, 0, bytes.length), bytes);
}

function binary(value: string): Uint8Array {
  const bytes = utf8(value);
  return concat(Uint8Array.of(tag.binary), uint32(bytes.length), bytes);
}

function tuple(...elements: Uint8Array[]): Uint8Array {
  return concat(Uint8Array.of(tag.smallTuple, elements.length), ...elements);
}

/** A short list of bytes is a string for Erlang, as text is. */
function list(elements: Uint8Array[]): Uint8Array {
  if (elements.length === 0) return Uint8Array.of(tag.nil);
  if (elements.length < 65_536 && elements.every((e) => e[0] === tag.smallInteger)) {
    const bytes = Uint8Array.from(elements, (element) => element[1]);
    return concat(Uint8Array.of(tag.string, bytes.length >> 8, bytes.length & 0xff), bytes);
  }
  return concat(Uint8Array.of(tag.list), uint32(elements.length), ...elements, list([]));
}

function number(value: number | bigint): Uint8Array {
  if (typeof value === "number" && !Number.isInteger(value)) {
    const bytes = new Uint8Array(9);
    bytes[0] = tag.newFloat;
    new DataView(bytes.buffer).setFloat64(1, value);
    return bytes;
  }
  if (value >= 0 && value <= 255) return Uint8Array.of(tag.smallInteger, Number(value));
  if (value >= -(2 ** 31) && value < 2 ** 31) {
    return concat(Uint8Array.of(tag.integer), uint32(Number(value) >>> 0));
  }
  const digits: number[] = [];
  let left = BigInt(value) < 0n ? -BigInt(value) : BigInt(value);
  for (; left > 0n; left >>= 8n) digits.push(Number(left & 0xffn));
  return Uint8Array.of(tag.smallBig, digits.length, value < 0 ? 1 : 0, ...digits);
}

function term(value: JsonValue): Uint8Array {
  if (typeof value === "string") return binary(value);
  if (typeof value === "number" || typeof value === "bigint") return number(value);
  if (value === null || typeof value === "boolean") return atom(String(value));
  if (Array.isArray(value)) return list(value.map(term));
  return tuple(list(fieldNames(value).map((name) => tuple(binary(name), term(value[name])))));
}

/**
 * As zlib's default level, which Erlang uses: on texts this short its result is that of level 9 here
 * (our level 6 matches differently), and the second byte tells the level.
 */
function deflate(plain: Uint8Array): Uint8Array {
  const deflated = deflateSync(plain, { level: 9 });
  deflated[1] = 0x9c;
  return deflated;
}

export function encodeBookmark({ id, key }: Position): string {
  const plain = list([
    tuple(atom("startkey_docid"), binary(id)),
    tuple(atom("startkey"), term(key)),
  ]);
  const deflated = deflate(plain);
  const body = deflated.length + 5 < plain.length
    ? concat(Uint8Array.of(tag.compressed), uint32(plain.length), deflated)
    : plain;
  return Buffer.from(concat(Uint8Array.of(version), body)).toString("base64url");
}

/** An atom of a term; JSON's own three come as values. */
class Atom {
  constructor(readonly name: string) {}
}

interface Tuple {
  readonly elements: readonly Term[];
}
type Term = string | number | bigint | boolean | null | Atom | Tuple | Term[];

class TermReader {
  readonly #view: DataView;
  #at = 0;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.bytes.length) throw new RangeError("term is cut off");
    return at;
  }

  #text(length: number): string {
    const at = this.#take(length);
    return text(this.bytes.subarray(at, at + length));
  }

  /** Every element takes a byte at least: a count beyond what is left is a lie. */
  #elements(count: number, depth: number): Term[] {
    if (count > this.bytes.length - this.#at) throw new RangeError("term is cut off");
    return Array.from({ length: count }, () => this.read(depth + 1));
  }

  read(depth = 0): Term {
    if (depth > maxNesting) throw new RangeError("term is nested too deep");
    const kind = this.#view.getUint8(this.#take(1));
    switch (kind) {
      case tag.smallInteger:
        return this.#view.getUint8(this.#take(1));
      case tag.integer:
        return this.#view.getInt32(this.#take(4));
      case tag.newFloat:
        return this.#view.getFloat64(this.#take(8));
      case tag.smallBig:
        return this.#big();
      case tag.atom:
        return readAtom(this.#text(this.#view.getUint16(this.#take(2))));
      case tag.binary:
        return this.#text(this.#view.getUint32(this.#take(4)));
      case tag.smallTuple:
        return { elements: this.#elements(this.#view.getUint8(this.#take(1)), depth) };
      case tag.nil:
        return [];
      case tag.string: {
        const length = this.#view.getUint16(this.#take(2));
        const at = this.#take(length);
        return [...this.bytes.subarray(at, at + length)];
      }
      case tag.list: {
        const elements = this.#elements(this.#view.getUint32(this.#take(4)), depth);
        const tail = this.read(depth + 1);
        if (!Array.isArray(tail) || tail.length > 0) throw new RangeError("improper list");
        return elements;
      }
      default:
        throw new RangeError(`unknown term ${kind}`);
    }
  }

  #big(): number | bigint {
    const length = this.#view.getUint8(this.#take(1));
    const negative = this.#view.getUint8(this.#take(1)) === 1;
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = value << 8n | BigInt(this.bytes[at + i]);
    const signed = negative ? -value : value;
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }
}

function readAtom(name: string): Term {
  if (name === "null") return null;
  return name === "true" || name === "false" ? name === "true" : new Atom(name);
}

function jsonOf(term: Term): JsonValue {
  if (Array.isArray(term)) return term.map(jsonOf);
  if (term instanceof Atom) throw new TypeError("not JSON");
  if (typeof term !== "object" || term === null) return term;
  const [fields] = term.elements;
  if (!Array.isArray(fields) || term.elements.length !== 1) throw new TypeError("not JSON");
  const object: JsonObject = {};
  for (const field of fields) {
    const [name, value] = isTuple(field) ? field.elements : [];
    if (typeof name !== "string" || value === undefined) throw new TypeError("not JSON");
    setField(object, name, jsonOf(value));
  }
  return object;
}

function isTuple(term: Term): term is Tuple {
  return typeof term === "object" && term !== null && "elements" in term;
}

function decode(bookmark: string): Position {
  if (!/^[A-Za-z0-9_=/+-]*$/.test(bookmark)) throw new TypeError("not base64");
  const bytes = new Uint8Array(Buffer.from(bookmark, "base64url"));
  if (bytes[0] !== version) throw new TypeError("not a term");
  const plain = bytes[1] === tag.compressed
    ? new Uint8Array(inflateSync(bytes.subarray(6), { maxOutputLength: maxTermBytes }))
    : bytes.subarray(1);
  const found = new Map<string, Term>();
  const entries = new TermReader(plain).read();
  for (const entry of Array.isArray(entries) ? entries : []) {
    const [name, value] = isTuple(entry) ? entry.elements : [];
    if (name instanceof Atom && value !== undefined) found.set(name.name, value);
  }
  const [id, key] = [found.get("startkey_docid"), found.get("startkey")];
  if (typeof id !== "string" || key === undefined) throw new TypeError("not a bookmark");
  return { id, key: jsonOf(key) };
}

/** @throws DenimError `bad-rich-query` (invalid_bookmark) */
export function decodeBookmark(bookmark: string): Position {
  try {
    return decode(bookmark);
  } catch (cause) {
    const reason = `Invalid bookmark value: ${JSON.stringify(bookmark)}`;
    const { code, message, facts } = couchError("invalid_bookmark", reason);
    throw new DenimError(code, message, facts, "Pass the bookmark of the page before.", { cause });
  }
}
