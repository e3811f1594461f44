/**
 * Decoding of protobuf bytes that were written by others, with the verdict golang/protobuf 1.x
 * gives; see wire-decoder.ts. Also what there is to know about bytes without a descriptor.
 */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { DenimError, messageOf } from "../base/errors.ts";
import { WireCursor } from "./wire-cursor.ts";
import { decodeWire } from "./wire-decoder.ts";

/**
 * Decodes as golang/protobuf does: truncated or overrunning bytes, illegal tags and invalid UTF-8
 * are refused, fields of the wrong wire type are ignored. Byte fields share the given buffer.
 * @throws DenimError `bad-protobuf`
 */
export function decodeAsGo<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  try {
    return decodeWire(schema, bytes);
  } catch (error) {
    throw new DenimError(
      "bad-protobuf",
      `error unmarshaling ${schema.name}: ${messageOf(error)}`,
      { message: schema.typeName, length: bytes.length },
    );
  }
}

/** Like `decodeAsGo`, but undefined for unreadable bytes. */
export function tryDecodeAsGo<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> | undefined {
  try {
    return decodeAsGo(schema, bytes);
  } catch {
    return undefined;
  }
}

/**
 * Length-delimited fields 1 to `highest` at the top of a message, by number; the last one wins and
 * absent ones are undefined. For messages that have no descriptor. Values share the given buffer.
 * @throws RangeError for bytes that golang/protobuf refuses
 */
export function readBytesFields(bytes: Uint8Array, highest: number): (Uint8Array | undefined)[] {
  const fields = new Array<Uint8Array | undefined>(highest + 1).fill(undefined);
  const cursor = new WireCursor(bytes);
  while (cursor.pos < bytes.length) {
    const wireType = bytes[cursor.pos] & 7;
    const number = Math.floor(cursor.varint() / 8);
    if (number === 0) throw new RangeError("illegal tag 0");
    if (number > highest || wireType !== WireType.LengthDelimited) {
      cursor.skip(wireType);
      continue;
    }
    const start = cursor.advance(cursor.varint());
    fields[number] = bytes.subarray(start, cursor.pos);
  }
  return fields;
}

/**
 * How often a length-delimited field occurs at the top of a message, empty values included: Go
 * tells nil bytes (absent) from empty ones (present), decoded proto3 messages do not. Bytes that
 * do not decode count up to where they break off.
 */
export function countBytesFields(bytes: Uint8Array, number: number): number {
  let count = 0;
  try {
    const cursor = new WireCursor(bytes);
    while (cursor.pos < bytes.length) {
      const wireType = bytes[cursor.pos] & 7;
      const tag = cursor.varint();
      cursor.skip(wireType);
      if (tag === number * 8 + WireType.LengthDelimited) count++;
    }
  } catch {
    return count;
  }
  return count;
}

/** Does the field occur, even with an empty value? */
export function hasBytesField(bytes: Uint8Array, number: number): boolean {
  return countBytesFields(bytes, number) > 0;
}
