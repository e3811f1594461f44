/** Is a delivered block the ordering service's? Mirrors peer/gossip/mcs.go VerifyBlock. */
import { concat, equal, hex } from "../base/bytes.ts";
import { type Block, BlockMetadataIndex, SignatureHeaderSchema } from "../gen/common/common_pb.ts";
import type { SignedData } from "../policy/types.ts";
import { blockDataHash, blockHeaderBytes, blockMetadata } from "../protocol/block.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { checkBlockData } from "./block-data.ts";
import { channelError, within } from "./channel-error.ts";
import { channelIdOf } from "./config-block.ts";
import { blockValidationPath } from "./group-names.ts";
import type { Bundle } from "./types.ts";

export interface BlockVerification {
  /** The configuration in force before this block. */
  readonly bundle: Bundle;
  readonly expectedNumber: bigint;
  /** Hash of the header before; undefined leaves the chain unchecked. */
  readonly expectedPreviousHash?: Uint8Array;
  /**
   * False accepts data that could be divided differently under the same hash: for recordings made
   * by an orderer that orders anything. Default true.
   */
  readonly refuseAmbiguousData?: boolean;
}

/**
 * Checks number, channel, chain, data hash, division of the data, and the signatures against
 * `/Channel/Orderer/BlockValidation`.
 * @throws DenimError `bad-block` with Fabric's reason
 */
export function verifyBlock(block: Block, verification: BlockVerification): void {
  const { bundle, expectedNumber } = verification;
  const { channelId } = bundle;
  checkBlockContent(block, verification);
  const number = expectedNumber;
  const policy = bundle.policyManager.policy(blockValidationPath);
  if (policy === undefined) {
    throw channelError("bad-block", "No such policy: 'Orderer/BlockValidation'", { channelId });
  }
  const signed = within("bad-block", "", () => blockSignatures(block));
  within("bad-block", "", () => policy.evaluate(signed), { channelId, number });
}

/** Everything but the signatures. @throws DenimError `bad-block` */
export function checkBlockContent(block: Block, verification: BlockVerification): void {
  const { expectedNumber, expectedPreviousHash, refuseAmbiguousData = true } = verification;
  const { channelId } = verification.bundle;
  const { header } = block;
  const fail = (message: string, facts: Record<string, unknown> = {}) =>
    channelError("bad-block", message, { channelId, number: header?.number, ...facts });
  if (header === undefined) {
    throw fail(`Invalid Block on channel [${channelId}]. Header must be different from nil.`);
  }
  if (header.number !== expectedNumber) {
    throw fail(
      `Claimed seqNum is [${expectedNumber}] but actual seqNum inside block is [${header.number}]`,
    );
  }
  const actualChannel = within(
    "bad-block",
    `Failed getting channel id from block with id [${header.number}] on channel [${channelId}]`,
    () => channelIdOf(block),
  );
  if (actualChannel !== channelId) {
    throw fail(
      `Invalid block's channel id. Expected [${channelId}]. Given [${actualChannel}]`,
    );
  }
  if ((block.metadata?.metadata.length ?? 0) === 0) {
    throw fail(
      `Block with id [${header.number}] on channel [${channelId}] does not have metadata. ` +
        "Block not valid.",
    );
  }
  const entries = block.data?.data ?? [];
  if (!equal(blockDataHash(entries), header.dataHash)) {
    throw fail(
      `Header.DataHash is different from Hash(block.Data) for block with id [${header.number}] ` +
        `on channel [${channelId}]`,
    );
  }
  if (expectedPreviousHash !== undefined && !equal(expectedPreviousHash, header.previousHash)) {
    throw fail(
      `Header.PreviousHash of block [${header.number}] on channel [${channelId}] is ` +
        `[${hex(header.previousHash)}], but the chain's last block has the hash ` +
        `[${hex(expectedPreviousHash)}]`,
    );
  }
  if (refuseAmbiguousData) {
    within(
      "bad-block",
      `Block with id [${header.number}] on channel [${channelId}] has data that is not well formed`,
      () => checkBlockData(block.data),
    );
  }
}

/**
 * The signatures in a block's metadata as signed data: over value ‖ signature header ‖ block header.
 * @throws DenimError `bad-block-metadata`, `bad-protobuf`, `bad-block`
 */
export function blockSignatures(block: Block): SignedData[] {
  const { header } = block;
  if (header === undefined) throw channelError("bad-block", "the block has no header");
  const metadata = within(
    "bad-block",
    "Failed unmarshalling medatata for signatures",
    () => blockMetadata(block, BlockMetadataIndex.SIGNATURES),
  );
  const headerBytes = blockHeaderBytes(header);
  return metadata.signatures.map(({ signatureHeader, signature }) => ({
    data: concat(metadata.value, signatureHeader, headerBytes),
    identity: within(
      "bad-block",
      `Failed unmarshalling signature header for block with id [${header.number}]`,
      () => decodeAsGo(SignatureHeaderSchema, signatureHeader),
    ).creator,
    signature,
  }));
}
