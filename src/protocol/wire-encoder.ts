/**
 * Encoding of protobuf messages: the bytes that protobuf-es and golang/protobuf write (fields by
 * number, what has its zero value left out). Written from the end to the beginning, since the length
 * of a message inside another is known when its content stands there; so every byte is written
 * once. An encoder is compiled from a descriptor once.
 */
import {
  type DescField,
  type DescMessage,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { maxShortText, utf8 } from "../base/bytes.ts";

/** Messages of this size and more have a buffer of their own; the others share one. */
const sharedBufferBytes = 32 * 1024;

/** A message by the names of its properties. */
type Fields = Record<string, unknown>;
type WriteField = (writer: BackwardWriter, message: Fields) => void;
type WriteValue = (writer: BackwardWriter, value: unknown) => void;

/** Derived from generated descriptors only, so sharing it between peers of one process is safe. */
const encoders = new WeakMap<DescMessage, MessageEncoder>();

/**
 * The bytes of a message; small ones are views of a buffer that they share.
 * @throws Error for a value that its field cannot have
 */
export function encodeWire<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): Uint8Array<ArrayBuffer> {
  writer.begin();
  encoderOf(schema).write(writer, message as unknown as Fields);
  return writer.finish();
}

/** Fills a buffer from its end; the message that follows goes before the one that is finished. */
class BackwardWriter {
  #buffer = new Uint8Array(sharedBufferBytes);
  #pos = sharedBufferBytes;
  #end = sharedBufferBytes;

  /** Bytes written of this message. */
  get length(): number {
    return this.#end - this.#pos;
  }

  begin(): void {
    if (this.#buffer.length > sharedBufferBytes) {
      this.#buffer = new Uint8Array(sharedBufferBytes);
      this.#pos = sharedBufferBytes;
    }
    this.#end = this.#pos;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const view = this.#buffer.subarray(this.#pos, this.#end);
    return this.#buffer.length > sharedBufferBytes ? view.slice() : view;
  }

  /** Makes room before what is written; gives where it begins. */
  #reserve(bytes: number): number {
    if (this.#pos < bytes) this.#renew(bytes);
    return this.#pos -= bytes;
  }

  /** Another buffer, for what is written of this message and at least `bytes` more. */
  #renew(bytes: number): void {
    const { length } = this;
    const needed = length + bytes;
    const larger = needed > sharedBufferBytes ? 2 * needed : sharedBufferBytes;
    const buffer = new Uint8Array(larger);
    buffer.set(this.#buffer.subarray(this.#pos, this.#end), larger - length);
    this.#buffer = buffer;
    this.#pos = larger - length;
    this.#end = larger;
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
  }

  text(text: string): void {
    const { length } = text;
    if (length > maxShortText) return this.raw(utf8(text));
    const at = this.#reserve(length);
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) {
        this.#pos += length;
        return this.raw(utf8(text));
      }
      this.#buffer[at + i] = unit;
    }
  }

  /** An unsigned integer below 2^53. */
  varint(value: number): void {
    if (value < 0x80) {
      const at = this.#reserve(1);
      this.#buffer[at] = value;
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
    let at = this.#reserve(size);
    for (; value >= 0x80; value = Math.floor(value / 128)) {
      this.#buffer[at++] = (value % 128) | 0x80;
    }
    this.#buffer[at] = value;
  }

  /** An integer of 64 bits. */
  bigVarint(value: bigint): void {
    if (value >= 0n && value <= maxSafe) return this.varint(Number(value));
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    this.raw(Uint8Array.from(bytes));
  }
}

const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** Encoding never waits, so that one buffer serves all. */
const writer = new BackwardWriter();

function encoderOf(schema: DescMessage): MessageEncoder {
  let encoder = encoders.get(schema);
  if (encoder === undefined) {
    encoder = new MessageEncoder(schema);
    // Before its fields: messages may hold themselves.
    encoders.set(schema, encoder);
    encoder.compileFields();
  }
  return encoder;
}

class MessageEncoder {
  /** From the highest number to the lowest. */
  readonly #fields: WriteField[] = [];

  constructor(readonly schema: DescMessage) {}

  compileFields(): void {
    const { fields } = this.schema;
    for (const field of fields.toSorted((a, b) => b.number - a.number)) {
      this.#fields.push(compileField(field));
    }
  }

  write(writer: BackwardWriter, message: Fields): void {
    if (message.$typeName !== this.schema.typeName) {
      throw new Error(`cannot encode a ${message.$typeName} as ${this.schema.typeName}`);
    }
    if (message.$unknown !== undefined) writeUnknown(writer, message.$unknown as UnknownFields);
    const fields = this.#fields;
    for (let i = 0; i < fields.length; i++) fields[i](writer, message);
  }

  writeDelimited(writer: BackwardWriter, tag: number, message: Fields): void {
    const before = writer.length;
    this.write(writer, message);
    writer.varint(writer.length - before);
    writer.varint(tag);
  }
}

type UnknownFields = readonly { no: number; wireType: number; data: Uint8Array }[];

function writeUnknown(writer: BackwardWriter, fields: UnknownFields): void {
  for (const { no, wireType, data } of fields.toReversed()) {
    writer.raw(data);
    writer.varint(no * 8 + wireType);
  }
}

function tagOf(number: number, wireType: WireType): number {
  return number * 8 + wireType;
}

function compileField(field: DescField): WriteField {
  switch (field.fieldKind) {
    case "list":
      return compileList(field);
    case "map":
      return compileMap(field);
    case "message": {
      const encoder = encoderOf(field.message);
      const tag = tagOf(field.number, WireType.LengthDelimited);
      return whenSet(
        field,
        (writer, value) => encoder.writeDelimited(writer, tag, value as Fields),
      );
    }
    default: {
      const { wireType, write } = valueWriter(field);
      const tag = tagOf(field.number, wireType);
      return whenSet(field, (writer, value) => {
        write(writer, value);
        writer.varint(tag);
      });
    }
  }
}

/** Writes the field where the message has it: in a oneof any value, else one that is not zero. */
function whenSet(field: DescField, write: WriteValue): WriteField {
  const { localName, oneof } = field;
  if (oneof !== undefined) {
    const { localName: oneofName } = oneof;
    return (writer, message) => {
      const chosen = message[oneofName] as { case?: string; value?: unknown };
      if (chosen.case === localName) write(writer, chosen.value);
    };
  }
  if (field.fieldKind === "scalar" && field.scalar === ScalarType.BYTES) {
    return (writer, message) => {
      const value = message[localName] as Uint8Array;
      if (value.length > 0) write(writer, value);
    };
  }
  if (field.fieldKind === "message") {
    return (writer, message) => {
      const value = message[localName];
      if (value !== undefined) write(writer, value);
    };
  }
  return (writer, message) => {
    const value = message[localName];
    if (value !== "" && value !== 0 && value !== false && value !== 0n) write(writer, value);
  };
}

function compileList(field: DescField & { fieldKind: "list" }): WriteField {
  const { localName } = field;
  if (field.listKind === "message") {
    const encoder = encoderOf(field.message);
    const tag = tagOf(field.number, WireType.LengthDelimited);
    return (writer, message) => {
      const items = message[localName] as Fields[];
      for (let i = items.length - 1; i >= 0; i--) encoder.writeDelimited(writer, tag, items[i]);
    };
  }
  const { wireType, write } = valueWriter(field);
  if (!field.packed) {
    const tag = tagOf(field.number, wireType);
    return (writer, message) => {
      const items = message[localName] as unknown[];
      for (let i = items.length - 1; i >= 0; i--) {
        write(writer, items[i]);
        writer.varint(tag);
      }
    };
  }
  const tag = tagOf(field.number, WireType.LengthDelimited);
  return (writer, message) => {
    const items = message[localName] as unknown[];
    if (items.length === 0) return;
    const before = writer.length;
    for (let i = items.length - 1; i >= 0; i--) write(writer, items[i]);
    writer.varint(writer.length - before);
    writer.varint(tag);
  };
}

/** Entries in the order of the object's properties, each with its key and its value, zero or not. */
function compileMap(field: DescField & { fieldKind: "map" }): WriteField {
  const { localName } = field;
  const tag = tagOf(field.number, WireType.LengthDelimited);
  const key = scalarWriter(field.mapKey);
  const keyTag = tagOf(1, key.wireType);
  const keyOf = keyReader(field.mapKey);
  const writeEntryValue = mapValueWriter(field);
  return (writer, message) => {
    const record = message[localName] as Fields;
    for (const name of Object.keys(record).reverse()) {
      const before = writer.length;
      writeEntryValue(writer, record[name]);
      key.write(writer, keyOf(name));
      writer.varint(keyTag);
      writer.varint(writer.length - before);
      writer.varint(tag);
    }
  };
}

function mapValueWriter(field: DescField & { fieldKind: "map" }): WriteValue {
  if (field.mapKind === "message") {
    const encoder = encoderOf(field.message);
    const tag = tagOf(2, WireType.LengthDelimited);
    return (writer, value) => encoder.writeDelimited(writer, tag, value as Fields);
  }
  const { wireType, write } = valueWriter(field);
  const tag = tagOf(2, wireType);
  return (writer, value) => {
    write(writer, value);
    writer.varint(tag);
  };
}

/** The keys of an object are texts. */
function keyReader(type: ScalarType): (name: string) => unknown {
  switch (type) {
    case ScalarType.STRING:
      return (name) => name;
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return BigInt;
    default:
      throw new Error(`no encoder for map keys of type ${ScalarType[type]}`);
  }
}

interface ValueWriter {
  readonly wireType: WireType;
  readonly write: WriteValue;
}

/** Writes the value of a field, of a list's item or of a map's entry, that is no message. */
function valueWriter(field: DescField): ValueWriter {
  const isEnum = field.enum !== undefined;
  return scalarWriter(isEnum || field.scalar === undefined ? ScalarType.INT32 : field.scalar);
}

/** The types that Fabric's messages have. */
function scalarWriter(type: ScalarType): ValueWriter {
  const { Varint, LengthDelimited } = WireType;
  switch (type) {
    case ScalarType.STRING:
      return { wireType: LengthDelimited, write: writeText };
    case ScalarType.BYTES:
      return { wireType: LengthDelimited, write: writeBytes };
    case ScalarType.BOOL:
      return { wireType: Varint, write: (writer, value) => writer.varint(value ? 1 : 0) };
    case ScalarType.INT32:
      return { wireType: Varint, write: writeInt32 };
    case ScalarType.UINT32:
      return { wireType: Varint, write: writeUint32 };
    case ScalarType.INT64:
      return { wireType: Varint, write: writeInt64 };
    case ScalarType.UINT64:
      return { wireType: Varint, write: writeUint64 };
    default:
      throw new Error(`no encoder for fields of type ${ScalarType[type]}`);
  }
}

function writeText(writer: BackwardWriter, value: unknown): void {
  if (typeof value !== "string") throw unfit("a text", value);
  const before = writer.length;
  writer.text(value);
  writer.varint(writer.length - before);
}

function writeBytes(writer: BackwardWriter, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw unfit("bytes", value);
  writer.raw(value);
  writer.varint(value.length);
}

/** Negative ones are written with 64 bits. */
function writeInt32(writer: BackwardWriter, value: unknown): void {
  if (typeof value !== "number" || value !== (value | 0)) throw unfit("an int32", value);
  if (value >= 0) writer.varint(value);
  else writer.bigVarint(BigInt(value));
}

function writeUint32(writer: BackwardWriter, value: unknown): void {
  if (typeof value !== "number" || value !== (value >>> 0)) throw unfit("a uint32", value);
  writer.varint(value);
}

function writeInt64(writer: BackwardWriter, value: unknown): void {
  if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
    throw unfit("an int64", value);
  }
  writer.bigVarint(value);
}

function writeUint64(writer: BackwardWriter, value: unknown): void {
  if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
    throw unfit("a uint64", value);
  }
  writer.bigVarint(value);
}

function unfit(wanted: string, value: unknown): TypeError {
  return new TypeError(`cannot encode ${typeof value} ${String(value)} as ${wanted}`);
}
