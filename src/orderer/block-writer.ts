/** Makes, signs and stores a channel's blocks. Mirrors orderer/common/multichannel/blockwriter.go. */
import { create } from "@bufbuild/protobuf";
import { concat, emptyBytes } from "../base/bytes.ts";
import { lastConfigIndex } from "../channel/config-block.ts";
import {
  type Block,
  BlockMetadataIndex,
  type Envelope,
  EnvelopeSchema,
  LastConfigSchema,
  MetadataSchema,
  OrdererBlockMetadataSchema,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import {
  blockHeaderBytes,
  blockHeaderHash,
  encodeMetadata,
  metadataSlot,
  newBlock,
  setMetadataSlot,
} from "../protocol/block.ts";
import { newNonce } from "../protocol/txid.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";
import { ordererError } from "./orderer-error.ts";

/** The first block of a new channel: its configuration, unsigned as Fabric leaves it. */
export function firstBlock(config: Envelope): Block {
  return newBlock(0n, emptyBytes, [encodeWire(EnvelopeSchema, config)]);
}

/** Knows the tip of one chain. `make` computes the next block, `advance` accepts it after it was stored. */
export class BlockWriter {
  #tip: Block;
  #lastConfigBlock: bigint;
  #lastConfigSequence: number;

  /** @param sequence of the configuration in force at `tip` */
  constructor(tip: Block, sequence: number, readonly signer: SigningIdentity) {
    this.#tip = tip;
    this.#lastConfigSequence = sequence;
    this.#lastConfigBlock = tip.header?.number === 0n ? 0n : lastConfigIndex(tip);
  }

  /** The next block, signed. @param sequence of the configuration in force from this block on */
  make(messages: readonly Envelope[], sequence: number): Block {
    const tip = this.#tip.header;
    if (!tip) throw ordererError("damaged-chain", "the newest block has no header");
    const data = messages.map((message) => encodeWire(EnvelopeSchema, message));
    const block = newBlock(tip.number + 1n, blockHeaderHash(tip), data);
    const lastConfig = create(LastConfigSchema, {
      index: sequence > this.#lastConfigSequence ? tip.number + 1n : this.#lastConfigBlock,
    });
    // Since 1.4.1 the last configuration is signed as part of the block signature's value.
    setMetadataSlot(
      block,
      BlockMetadataIndex.LAST_CONFIG,
      encodeMetadata(
        create(MetadataSchema, { value: encodeWire(LastConfigSchema, lastConfig) }),
      ),
    );
    this.#sign(block, lastConfig.index);
    return block;
  }

  /** The block is stored: the chain goes on from it. */
  advance(block: Block, sequence: number): void {
    this.#tip = block;
    if (sequence > this.#lastConfigSequence) {
      this.#lastConfigSequence = sequence;
      this.#lastConfigBlock = block.header?.number ?? 0n;
    }
  }

  #sign(block: Block, lastConfigIndex: bigint): void {
    const signatureHeader = encodeWire(
      SignatureHeaderSchema,
      create(SignatureHeaderSchema, { creator: this.signer.serialized, nonce: newNonce() }),
    );
    const value = encodeWire(
      OrdererBlockMetadataSchema,
      create(OrdererBlockMetadataSchema, {
        lastConfig: { index: lastConfigIndex },
        consenterMetadata: metadataSlot(block, BlockMetadataIndex.ORDERER),
      }),
    );
    const header = block.header ? blockHeaderBytes(block.header) : emptyBytes;
    const signature = this.signer.sign(concat(value, signatureHeader, header));
    setMetadataSlot(
      block,
      BlockMetadataIndex.SIGNATURES,
      encodeMetadata(
        create(MetadataSchema, { value, signatures: [{ signatureHeader, signature }] }),
      ),
    );
  }
}
