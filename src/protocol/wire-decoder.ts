/**
 * Decoding of protobuf messages in one pass, with the verdict of golang/protobuf 1.x and the message
 * shapes of protobuf-es. Peers must agree on which bytes are readable, or they disagree about
 * transactions: Go refuses what runs past the end of a message and ignores a field of the wrong wire
 * type. Mirrors its table_unmarshal.go. A decoder is compiled from a descriptor once.
 */
import {
  type DescField,
  type DescMessage,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { emptyBytes, validText } from "../base/bytes.ts";
import { WireCursor } from "./wire-cursor.ts";

/** Depth of nested messages we read; Go knows no limit, the machine's stack does. */
const maxNestingDepth = 1000;

/** A message by the names of its properties. */
type Fields = Record<string, unknown>;
type ReadField = (cursor: DecodeCursor, message: Fields, depth: number) => void;
type ReadValue = (cursor: DecodeCursor) => unknown;

interface FieldDecoder {
  readonly wireType: WireType;
  readonly read: ReadField;
  /** Lists of numbers come one by one or several in one. */
  readonly readPacked?: ReadField;
  /** Go does not ignore a map's field of the wrong wire type. */
  readonly strict?: true;
}

export interface WireDecodeOptions {
  /** Keeps fields that the descriptor does not have, so that the message can be passed on whole. */
  readonly keepUnknown?: boolean;
}

class DecodeCursor extends WireCursor {
  keepUnknown = false;
}

/** Derived from generated descriptors only, so sharing it between peers of one process is safe. */
const decoders = new WeakMap<DescMessage, MessageDecoder>();

/**
 * The message that `bytes` are. Byte fields share the given buffer.
 * @throws Error with the reason where Go refuses them
 */
export function decodeWire<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  options?: WireDecodeOptions,
): MessageShape<Desc> {
  const decoder = decoderOf(schema);
  const message = decoder.empty();
  const cursor = new DecodeCursor(plain(bytes));
  if (options?.keepUnknown) cursor.keepUnknown = true;
  decoder.fill(message, cursor, 0);
  return message as MessageShape<Desc>;
}

/** Views of a Buffer would be Buffers. */
function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decoderOf(schema: DescMessage): MessageDecoder {
  let decoder = decoders.get(schema);
  if (decoder === undefined) {
    decoder = new MessageDecoder(schema);
    // Before its fields: messages may hold themselves.
    decoders.set(schema, decoder);
    decoder.compileFields();
  }
  return decoder;
}

class MessageDecoder {
  readonly #byNumber: (FieldDecoder | undefined)[] = [];
  readonly #template: Fields;
  /** Properties for which every message needs an object of its own. */
  readonly #containers: { readonly name: string; readonly kind: "list" | "map" | "oneof" }[] = [];

  constructor(readonly schema: DescMessage) {
    this.#template = { $typeName: schema.typeName };
    for (const member of schema.members) {
      const { localName: name } = member;
      const kind = member.kind === "oneof" ? "oneof" : member.fieldKind;
      if (kind === "oneof" || kind === "list" || kind === "map") {
        this.#containers.push({ name, kind });
      }
      if (kind !== "message") this.#template[name] = member.kind === "field" && zeroOf(member);
    }
  }

  compileFields(): void {
    for (const field of this.schema.fields) this.#byNumber[field.number] = compileField(field);
  }

  /** A message without anything in it. */
  empty(): Fields {
    const message = { ...this.#template };
    for (const { name, kind } of this.#containers) {
      message[name] = kind === "list" ? [] : kind === "map" ? {} : { case: undefined };
    }
    return message;
  }

  /** Reads from the cursor to its end. */
  fill(message: Fields, cursor: DecodeCursor, depth: number): void {
    if (depth > maxNestingDepth) throw new RangeError("messages nested too deeply");
    const { bytes, end } = cursor;
    const byNumber = this.#byNumber;
    while (cursor.pos < end) {
      const wireType = bytes[cursor.pos] & 7;
      const number = Math.floor(cursor.varint() / 8);
      const field = number < byNumber.length ? byNumber[number] : undefined;
      if (field === undefined) {
        if (number === 0) throw new RangeError("illegal tag 0");
      } else if (wireType === field.wireType) {
        field.read(cursor, message, depth);
        continue;
      } else if (field.readPacked !== undefined && wireType === WireType.LengthDelimited) {
        field.readPacked(cursor, message, depth);
        continue;
      } else if (field.strict) {
        throw new RangeError(`bad wiretype for map field: got ${wireType} want 2`);
      }
      const start = cursor.pos;
      cursor.skip(wireType);
      if (cursor.keepUnknown) {
        keep(message, { no: number, wireType, data: bytes.subarray(start, cursor.pos) });
      }
    }
  }

  /** A length and a message of that length. */
  fillDelimited(message: Fields, cursor: DecodeCursor, depth: number): void {
    const outerEnd = cursor.end;
    cursor.end = endOfDelimited(cursor);
    this.fill(message, cursor, depth);
    cursor.end = outerEnd;
  }
}

function keep(message: Fields, field: unknown): void {
  if (message.$unknown === undefined) message.$unknown = [field];
  else (message.$unknown as unknown[]).push(field);
}

/** Reads a length; gives where what follows ends. */
function endOfDelimited(cursor: WireCursor): number {
  const length = cursor.varint();
  if (length > cursor.end - cursor.pos) throw new RangeError("unexpected EOF");
  return cursor.pos + length;
}

function compileField(field: DescField): FieldDecoder {
  switch (field.fieldKind) {
    case "list":
      return compileList(field);
    case "map":
      return { wireType: WireType.LengthDelimited, read: readMapEntry(field), strict: true };
    case "message":
      return { wireType: WireType.LengthDelimited, read: readMessage(field) };
    default: {
      const { wireType, read } = valueReader(field);
      return { wireType, read: readScalar(field, read) };
    }
  }
}

function readScalar({ localName, oneof }: DescField, read: ReadValue): ReadField {
  if (oneof === undefined) {
    return (cursor, message) => {
      message[localName] = read(cursor);
    };
  }
  const { localName: oneofName } = oneof;
  return (cursor, message) => {
    message[oneofName] = { case: localName, value: read(cursor) };
  };
}

/** A second message of a field is read into the first, but in a oneof it takes its place. */
function readMessage(field: DescField & { fieldKind: "message" }): ReadField {
  const { localName, oneof } = field;
  const decoder = decoderOf(field.message);
  if (oneof === undefined) {
    return (cursor, message, depth) => {
      const inner = message[localName] as Fields | undefined ?? decoder.empty();
      decoder.fillDelimited(inner, cursor, depth + 1);
      message[localName] = inner;
    };
  }
  const { localName: oneofName } = oneof;
  return (cursor, message, depth) => {
    const value = decoder.empty();
    decoder.fillDelimited(value, cursor, depth + 1);
    message[oneofName] = { case: localName, value };
  };
}

function compileList(field: DescField & { fieldKind: "list" }): FieldDecoder {
  const { localName } = field;
  if (field.listKind === "message") {
    const decoder = decoderOf(field.message);
    return {
      wireType: WireType.LengthDelimited,
      read: (cursor, message, depth) => {
        const item = decoder.empty();
        decoder.fillDelimited(item, cursor, depth + 1);
        (message[localName] as unknown[]).push(item);
      },
    };
  }
  const { wireType, read } = valueReader(field);
  const readOne: ReadField = (cursor, message) => {
    (message[localName] as unknown[]).push(read(cursor));
  };
  if (wireType === WireType.LengthDelimited) return { wireType, read: readOne };
  return {
    wireType,
    read: readOne,
    readPacked: (cursor, message) => {
      const outerEnd = cursor.end;
      const end = cursor.end = endOfDelimited(cursor);
      while (cursor.pos < end) (message[localName] as unknown[]).push(read(cursor));
      cursor.end = outerEnd;
    },
  };
}

/** An entry is a message with the key in field 1 and the value in field 2; what lacks is zero. */
function readMapEntry(field: DescField & { fieldKind: "map" }): ReadField {
  const { localName } = field;
  const key = scalarReader(field.mapKey);
  const decoder = field.mapKind === "message" ? decoderOf(field.message) : undefined;
  const value = decoder === undefined ? valueReader(field) : undefined;
  const valueWireType = value?.wireType ?? WireType.LengthDelimited;
  return (cursor, message, depth) => {
    const outerEnd = cursor.end;
    const end = cursor.end = endOfDelimited(cursor);
    let name: unknown = zeroOfScalar(field.mapKey);
    let entry: unknown = decoder === undefined ? zeroOfMapValue(field) : decoder.empty();
    while (cursor.pos < end) {
      const wireType = cursor.bytes[cursor.pos] & 7;
      const number = Math.floor(cursor.varint() / 8);
      if (number === 1 && wireType === key.wireType) name = key.read(cursor);
      else if (number !== 2 || wireType !== valueWireType) cursor.skip(wireType);
      else if (value !== undefined) entry = value.read(cursor);
      else decoder?.fillDelimited(entry as Fields, cursor, depth + 1);
    }
    cursor.end = outerEnd;
    setOwn(message[localName] as Fields, String(name), entry);
  };
}

/** Also for the key `__proto__`, whose assignment would do something else. */
function setOwn(record: Fields, key: string, value: unknown): void {
  if (key !== "__proto__") record[key] = value;
  else Object.defineProperty(record, key, { value, ...plainProperty });
}

const plainProperty = { enumerable: true, configurable: true, writable: true };

interface ValueReader {
  readonly wireType: WireType;
  readonly read: ReadValue;
}

/** Reads the value of a field, of a list's item or of a map's entry, that is no message. */
function valueReader(field: DescField): ValueReader {
  const isEnum = field.enum !== undefined;
  return scalarReader(isEnum || field.scalar === undefined ? ScalarType.INT32 : field.scalar);
}

/** The types that Fabric's messages have. */
function scalarReader(type: ScalarType): ValueReader {
  const { Varint, LengthDelimited } = WireType;
  switch (type) {
    case ScalarType.STRING:
      return { wireType: LengthDelimited, read: readText };
    case ScalarType.BYTES:
      return { wireType: LengthDelimited, read: readBytes };
    case ScalarType.BOOL:
      return { wireType: Varint, read: readBool };
    case ScalarType.INT32:
      return { wireType: Varint, read: readInt32 };
    case ScalarType.UINT32:
      return { wireType: Varint, read: (cursor) => readInt32(cursor) >>> 0 };
    case ScalarType.INT64:
      return { wireType: Varint, read: readInt64 };
    case ScalarType.UINT64:
      return { wireType: Varint, read: readUint64 };
    default:
      throw new Error(`no decoder for fields of type ${ScalarType[type]}`);
  }
}

function readBytes(cursor: WireCursor): Uint8Array {
  const start = cursor.advance(cursor.varint());
  return cursor.bytes.subarray(start, cursor.pos);
}

function readText(cursor: WireCursor): string {
  return validText(readBytes(cursor));
}

function readBool(cursor: WireCursor): boolean {
  return cursor.varint() !== 0;
}

function readInt32(cursor: WireCursor): number {
  cursor.varint64();
  return cursor.low;
}

function readUint64(cursor: WireCursor): bigint {
  cursor.varint64();
  const low = BigInt(cursor.low >>> 0);
  return cursor.high === 0 ? low : (BigInt(cursor.high >>> 0) << 32n) | low;
}

function readInt64(cursor: WireCursor): bigint {
  cursor.varint64();
  const low = BigInt(cursor.low >>> 0);
  return cursor.high === 0 ? low : (BigInt(cursor.high) << 32n) | low;
}

function zeroOf(field: DescField): unknown {
  if (field.fieldKind === "enum") return field.enum.values[0].number;
  return field.fieldKind === "scalar" ? zeroOfScalar(field.scalar) : undefined;
}

function zeroOfMapValue(field: DescField & { fieldKind: "map" }): unknown {
  if (field.mapKind === "enum") return field.enum.values[0].number;
  return field.scalar === undefined ? undefined : zeroOfScalar(field.scalar);
}

function zeroOfScalar(type: ScalarType): unknown {
  switch (type) {
    case ScalarType.STRING:
      return "";
    case ScalarType.BYTES:
      return emptyBytes;
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return 0n;
    default:
      return 0;
  }
}
