/**
 * Can a block's data be divided in one way only? The data hash covers the transactions one after the
 * other without separation, so a block could be delivered with its bytes divided differently under
 * the orderers' signature (CVE-2023-46132).
 *
 * Every entry must be as an orderer writes it: an Envelope that begins with its payload, has exactly
 * one payload and at most one signature, lengths in their shortest form, and after them at most
 * fields that Envelope does not know (orderers keep what clients add). As an entry then begins where
 * a payload begins, and nowhere else, only one division of the same bytes passes.
 */
import type { BlockData } from "../gen/common/common_pb.ts";
import { channelError } from "./channel-error.ts";

const payloadTag = 0x0a;
const signatureTag = 0x12;
/** Unknown groups inside groups that we follow. */
const maxGroupDepth = 100;
const maxVarintBytes = 10;

/** @throws DenimError `bad-block` naming the transaction that is not as an orderer writes it */
export function checkBlockData(data: BlockData | undefined): void {
  if (data === undefined || data.data.length === 0) throw channelError("bad-block", "empty block");
  data.data.forEach((entry, index) => {
    const flaw = flawOf(entry);
    if (flaw !== undefined) {
      throw channelError("bad-block", `transaction ${index} ${flaw}`, { index });
    }
  });
}

/** What is wrong with one entry; undefined where nothing is. */
function flawOf(entry: Uint8Array): string | undefined {
  const reader = new Reader(entry);
  try {
    if (entry[0] !== payloadTag) return "has no payload";
    reader.position = 1;
    if (!reader.skipDelimited()) return "has a payload length that is not in its shortest form";
    if (entry[reader.position] === signatureTag) {
      reader.position++;
      if (!reader.skipDelimited()) {
        return "has a signature length that is not in its shortest form";
      }
    }
    while (reader.position < entry.length) {
      const start = reader.position;
      const { field } = reader.skipField(0);
      if (field === 1 || field === 2) return `has ${entry.length - start} trailing bytes`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return `is invalid: ${error.message}`;
    throw error;
  }
}

class Reader {
  position = 0;
  constructor(private readonly bytes: Uint8Array) {}

  /** A varint as protobuf allows it; `shortest` tells whether it could be written with fewer bytes. */
  varint(): { value: bigint; shortest: boolean } {
    let value = 0n;
    for (let length = 0; length < maxVarintBytes; length++) {
      if (this.position >= this.bytes.length) throw new RangeError("unexpected EOF");
      const byte = this.bytes[this.position++];
      value |= BigInt(byte & 0x7f) << BigInt(7 * length);
      if (byte < 0x80) return { value, shortest: byte !== 0 || length === 0 };
    }
    throw new RangeError("integer overflow");
  }

  /** Skips a length-delimited value; false where its length is not in its shortest form. */
  skipDelimited(): boolean {
    const { value, shortest } = this.varint();
    this.advance(value);
    return shortest;
  }

  /** Skips one field with its tag. */
  skipField(depth: number): { field: number; wireType: number } {
    const { value: tag } = this.varint();
    const field = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    if (field === 0) throw new RangeError("illegal tag 0");
    switch (wireType) {
      case 0:
        this.varint();
        break;
      case 1:
        this.advance(8n);
        break;
      case 2:
        this.skipDelimited();
        break;
      case 3:
        if (depth >= maxGroupDepth) throw new RangeError("groups nested too deeply");
        while (this.skipField(depth + 1).wireType !== 4);
        break;
      case 4:
        if (depth === 0) throw new RangeError("end of a group that was not begun");
        break;
      case 5:
        this.advance(4n);
        break;
      default:
        throw new RangeError(`bad wire type ${wireType}`);
    }
    return { field, wireType };
  }

  private advance(count: bigint): void {
    if (count > BigInt(this.bytes.length - this.position)) throw new RangeError("unexpected EOF");
    this.position += Number(count);
  }
}
