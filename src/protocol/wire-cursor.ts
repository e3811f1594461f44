/**
 * A place in protobuf bytes, moved as golang/protobuf 1.x moves: every step checks the bounds, a
 * varint has at most 64 bits, groups are passed over. Mirrors decodeVarint, skipField and
 * findEndGroup of its table_unmarshal.go.
 */
import { WireType } from "@bufbuild/protobuf/wire";

/** Longest varint, and the largest last byte of one that long: 64 bits are 9 × 7 + 1. */
const maxVarintBytes = 10;
const maxTenthByte = 1;

function unexpectedEnd(): RangeError {
  return new RangeError("unexpected EOF");
}

/** All methods throw RangeError for what Go refuses. */
export class WireCursor {
  /** Halves of the integer that `varint64` read. */
  low = 0;
  high = 0;

  constructor(readonly bytes: Uint8Array, public pos = 0, public end = bytes.length) {}

  /** A varint, exact up to 2^53; larger ones only ever mean "too large". */
  varint(): number {
    const { bytes, end } = this;
    if (this.pos >= end) throw unexpectedEnd();
    let byte = bytes[this.pos++];
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 128;
    for (let i = 1; i < maxVarintBytes; i++) {
      if (this.pos >= end) throw unexpectedEnd();
      byte = bytes[this.pos++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (i === maxVarintBytes - 1 && byte > maxTenthByte) break;
        return value;
      }
      scale *= 128;
    }
    throw unexpectedEnd();
  }

  /** A varint modulo 2^64 into `low` and `high`, both as signed 32 bits. */
  varint64(): void {
    const { bytes, end } = this;
    this.low = 0;
    this.high = 0;
    for (let shift = 0; shift < maxVarintBytes * 7; shift += 7) {
      if (this.pos >= end) break;
      const byte = bytes[this.pos++];
      const bits = byte & 0x7f;
      if (shift < 28) this.low |= bits << shift;
      else if (shift === 28) {
        this.low |= bits << 28;
        this.high = bits >> 4;
      } else this.high |= bits << (shift - 32);
      if (byte < 0x80) {
        if (shift === 63 && byte > maxTenthByte) break;
        return;
      }
    }
    throw unexpectedEnd();
  }

  /** Passes `length` bytes; gives where they began. */
  advance(length: number): number {
    const start = this.pos;
    if (length > this.end - start) throw unexpectedEnd();
    this.pos = start + length;
    return start;
  }

  /** Passes one value of the wire type, whole groups included. */
  skip(wireType: number): void {
    switch (wireType) {
      case WireType.Varint:
        this.varint();
        return;
      case WireType.Bit64:
        this.advance(8);
        return;
      case WireType.LengthDelimited:
        this.advance(this.varint());
        return;
      case WireType.StartGroup:
        return this.#skipGroup();
      case WireType.Bit32:
        this.advance(4);
        return;
      default:
        throw new RangeError(`bad wire type ${wireType}`);
    }
  }

  /** Go pays no attention to the numbers at which groups begin and end. */
  #skipGroup(): void {
    for (let depth = 1; depth > 0;) {
      const wireType = this.bytes[this.pos] & 7;
      this.varint();
      if (wireType === WireType.StartGroup) depth++;
      else if (wireType === WireType.EndGroup) depth--;
      else this.skip(wireType);
    }
  }
}
