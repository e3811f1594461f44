/**
 * Test support: Go's verdict on protobuf bytes in two passes, the second by protobuf-es. Slow and
 * plain, for comparison with the decoder that is used; see `comparable` for what it cannot judge.
 */
import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { concat } from "../base/bytes.ts";

/** Depth of nested messages we read; Go knows no limit, the machine's stack does. */
const maxNestingDepth = 1000;

interface FieldShape {
  readonly wireType: WireType;
  readonly packable: boolean;
  readonly message: DescMessage | undefined;
}

type MessageTable = ReadonlyMap<number, FieldShape>;

/** Derived from generated descriptors only, so sharing it between peers of one process is safe. */
const tables = new WeakMap<DescMessage, MessageTable>();

function scalarWireType(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

function fieldShape(field: DescField): FieldShape {
  const delimited = WireType.LengthDelimited;
  const repeated = field.fieldKind === "list";
  const kind = repeated ? field.listKind : field.fieldKind;
  if (kind === "message") {
    return { wireType: delimited, packable: false, message: field.message };
  }
  // The entries of a map are left to the library: none of Fabric's decide about validity.
  if (kind === "map") return { wireType: delimited, packable: false, message: undefined };
  const wireType = kind === "enum" || field.scalar === undefined
    ? WireType.Varint
    : scalarWireType(field.scalar);
  return { wireType, packable: repeated && wireType !== delimited, message: undefined };
}

function tableOf(schema: DescMessage): MessageTable {
  let table = tables.get(schema);
  if (table === undefined) {
    table = new Map(schema.fields.map((field) => [field.number, fieldShape(field)]));
    tables.set(schema, table);
  }
  return table;
}

/** A cursor over the bytes of one message; every step checks the bounds. */
class Scanner {
  pos: number;

  constructor(readonly bytes: Uint8Array, start: number, readonly end: number) {
    this.pos = start;
  }

  /** A varint of at most 10 bytes; exact up to 2^53, larger ones only ever mean "too large". */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.pos >= this.end) throw new RangeError("unexpected EOF");
      const byte = this.bytes[this.pos++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (i === 9 && byte > 1) break;
        return value;
      }
      scale *= 128;
    }
    throw new RangeError("unexpected EOF");
  }

  /** Of the tag that comes next. */
  get wireType(): number {
    return this.bytes[this.pos] & 7;
  }

  advance(length: number): void {
    if (length > this.end - this.pos) throw new RangeError("unexpected EOF");
    this.pos += length;
  }

  /** Passes one value of the wire type, whole groups included. */
  skip(wireType: number, depth: number): void {
    switch (wireType) {
      case WireType.Varint:
        this.varint();
        return;
      case WireType.Bit64:
        return this.advance(8);
      case WireType.LengthDelimited:
        return this.advance(this.varint());
      case WireType.StartGroup:
        return this.skipGroup(depth + 1);
      case WireType.Bit32:
        return this.advance(4);
      default:
        throw new RangeError(`bad wire type ${wireType}`);
    }
  }

  skipGroup(depth: number): void {
    if (depth > maxNestingDepth) throw new RangeError("groups nested too deeply");
    for (;;) {
      const wireType = this.wireType;
      this.varint();
      if (wireType === WireType.EndGroup) return;
      this.skip(wireType, depth);
    }
  }
}

/** Is every known field of the right wire type and in bounds? @throws RangeError what Go refuses */
function conforms(
  schema: DescMessage,
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
): boolean {
  if (depth > maxNestingDepth) throw new RangeError("messages nested too deeply");
  const table = tableOf(schema);
  const scanner = new Scanner(bytes, start, end);
  let clean = true;
  while (scanner.pos < end) {
    const { wireType } = scanner;
    const number = Math.floor(scanner.varint() / 8);
    if (number === 0) throw new RangeError("illegal tag 0");
    const shape = table.get(number);
    if (shape === undefined) {
      // Groups and huge numbers are legal as unknown fields, but not every library agrees.
      if (wireType === WireType.StartGroup || number >= 2 ** 29) clean = false;
      scanner.skip(wireType, depth);
      continue;
    }
    if (wireType !== shape.wireType) {
      if (!(shape.packable && wireType === WireType.LengthDelimited)) clean = false;
      scanner.skip(wireType, depth);
      continue;
    }
    if (shape.message === undefined) {
      scanner.skip(wireType, depth);
      continue;
    }
    const length = scanner.varint();
    const from = scanner.pos;
    scanner.advance(length);
    if (!conforms(shape.message, bytes, from, scanner.pos, depth + 1)) clean = false;
  }
  return clean;
}

function varintBytes(value: number): Uint8Array {
  const digits: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) digits.push((value % 128) | 0x80);
  digits.push(value);
  return Uint8Array.from(digits);
}

/** The message without what Go would not read into it: its unknown and mistyped fields. */
function withoutUnknown(schema: DescMessage, bytes: Uint8Array): Uint8Array {
  const table = tableOf(schema);
  const scanner = new Scanner(bytes, 0, bytes.length);
  const kept: Uint8Array[] = [];
  while (scanner.pos < bytes.length) {
    const start = scanner.pos;
    const { wireType } = scanner;
    const tag = scanner.varint();
    const shape = table.get(Math.floor(tag / 8));
    const valueStart = scanner.pos;
    scanner.skip(wireType, 0);
    if (shape === undefined) continue;
    if (wireType !== shape.wireType) {
      const packed = shape.packable && wireType === WireType.LengthDelimited;
      if (packed) kept.push(bytes.subarray(start, scanner.pos));
      continue;
    }
    if (shape.message === undefined) {
      kept.push(varintBytes(tag), bytes.subarray(valueStart, scanner.pos));
      continue;
    }
    const value = new Scanner(bytes, valueStart, scanner.pos);
    value.varint();
    const inner = withoutUnknown(shape.message, bytes.subarray(value.pos, scanner.pos));
    kept.push(varintBytes(tag), varintBytes(inner.length), inner);
  }
  return concat(...kept);
}

/** @throws Error for what golang/protobuf refuses */
export function decodeInTwoPasses<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  const clean = conforms(schema, bytes, 0, bytes.length, 0);
  return fromBinary(schema, clean ? bytes : withoutUnknown(schema, bytes), {
    readUnknownFields: false,
    recursionLimit: maxNestingDepth + 2,
  });
}

/**
 * Whether both passes judge the message as Go does: protobuf-es reads past the end of the entries of
 * maps and of packed lists, and merges messages of a oneof.
 */
export function comparable(schema: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (seen.has(schema)) return true;
  seen.add(schema);
  return schema.fields.every((field) => {
    if (field.fieldKind === "map") return false;
    if (field.fieldKind === "list" && field.packed) return false;
    if (field.fieldKind === "message" && field.oneof !== undefined) return false;
    return field.message === undefined || comparable(field.message, seen);
  });
}
