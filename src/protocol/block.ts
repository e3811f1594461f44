/**
 * Blocks as bytes: what is hashed, what is signed, and where metadata lives.
 * Mirrors protos/common/block.go and protos/utils/blockutils.go of Fabric 1.4.2.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type Block,
  type BlockHeader,
  BlockMetadataIndex,
  BlockMetadataSchema,
  BlockSchema,
  type Metadata,
  MetadataSchema,
} from "../gen/common/common_pb.ts";
import { emptyBytes } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { sha256Of } from "../crypto/sha256.ts";
import { encodeWire } from "./wire-encoder.ts";

/** Metadata slots of a new block: one for each BlockMetadataIndex. */
export const metadataSlots = 5;

/** The greatest block number that ASN.1 encoding of a header allows (Go's int64). */
const maxBlockNumber = 0x7fff_ffff_ffff_ffffn;

const asn1Integer = 0x02;
const asn1OctetString = 0x04;
const asn1Sequence = 0x30;

function asn1Length(length: number): number[] {
  if (length < 0x80) return [length];
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return [0x80 | digits.length, ...digits];
}

function asn1Element(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = [tag, ...asn1Length(content.length)];
  const element = new Uint8Array(head.length + content.length);
  element.set(head);
  element.set(content, head.length);
  return element;
}

/** Content octets of a non-negative INTEGER: big-endian, shortest, top bit clear. */
function asn1Unsigned(value: bigint): Uint8Array {
  const digits: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) digits.unshift(Number(rest & 0xffn));
  if (digits.length === 0 || digits[0] >= 0x80) digits.unshift(0);
  return Uint8Array.from(digits);
}

/**
 * The header as it is hashed and signed: DER of SEQUENCE { number INTEGER, previousHash OCTET
 * STRING, dataHash OCTET STRING }.
 * @throws DenimError `bad-block-number` above 2^63-1, which Fabric cannot encode either
 */
export function blockHeaderBytes(
  header: Pick<BlockHeader, "number" | "previousHash" | "dataHash">,
): Uint8Array<ArrayBuffer> {
  if (header.number < 0n || header.number > maxBlockNumber) {
    throw new DenimError("bad-block-number", `block number ${header.number} is out of range`, {
      number: header.number,
    });
  }
  const parts = [
    asn1Element(asn1Integer, asn1Unsigned(header.number)),
    asn1Element(asn1OctetString, header.previousHash),
    asn1Element(asn1OctetString, header.dataHash),
  ];
  const content = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    content.set(part, offset);
    offset += part.length;
  }
  return asn1Element(asn1Sequence, content);
}

/** SHA-256 of `blockHeaderBytes`: the next block's previous hash. */
export function blockHeaderHash(
  header: Pick<BlockHeader, "number" | "previousHash" | "dataHash">,
): Uint8Array<ArrayBuffer> {
  return sha256Of([blockHeaderBytes(header)]);
}

/**
 * SHA-256 over the transactions one after the other, without any separation; the same bytes can
 * therefore be split differently under the same hash (CVE-2023-46132), which receivers must refuse.
 */
export function blockDataHash(data: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return sha256Of(data);
}

/** A block with its data hash set and all metadata slots empty. */
export function newBlock(
  number: bigint,
  previousHash: Uint8Array,
  data: readonly Uint8Array[],
): Block {
  return create(BlockSchema, {
    header: { number, previousHash, dataHash: blockDataHash(data) },
    data: { data: [...data] },
    metadata: { metadata: Array.from({ length: metadataSlots }, () => emptyBytes) },
  });
}

/** The bytes of one metadata slot; empty where the block has no such slot. */
export function metadataSlot(block: Block, index: BlockMetadataIndex): Uint8Array {
  return block.metadata?.metadata[index] ?? emptyBytes;
}

/** Sets one metadata slot, adding empty slots before it where the block has fewer. */
export function setMetadataSlot(block: Block, index: BlockMetadataIndex, value: Uint8Array): void {
  block.metadata ??= create(BlockMetadataSchema);
  const slots = block.metadata.metadata;
  while (slots.length <= index) slots.push(emptyBytes);
  slots[index] = value;
}

/**
 * One metadata slot as a Metadata message (value and signatures).
 * @throws DenimError `bad-block-metadata` where the bytes are not one
 */
export function blockMetadata(block: Block, index: BlockMetadataIndex): Metadata {
  try {
    return fromBinary(MetadataSchema, metadataSlot(block, index));
  } catch (cause) {
    throw new DenimError(
      "bad-block-metadata",
      `error unmarshaling metadata from block at index [${BlockMetadataIndex[index]}]: ${
        messageOf(cause)
      }`,
      { index, number: block.header?.number },
      undefined,
      { cause },
    );
  }
}

/** Serialized Metadata for a slot. */
export function encodeMetadata(metadata: Metadata): Uint8Array<ArrayBuffer> {
  return encodeWire(MetadataSchema, metadata);
}
