/**
 * Is this the next block, and did the ordering service sign it? Everything a peer checks before
 * it believes an orderer. Mirrors peer/gossip/mcs.go (VerifyBlock), plus the order and previous
 * hash, plus the repair of CVE-2023-46132 (protoutil VerifyTransactionsAreWellFormed).
 */
import { concat, equal } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { ChannelConfigSource } from "../channel/types.ts";
import {
  type Block,
  BlockMetadataIndex,
  ChannelHeaderSchema,
  EnvelopeSchema,
  MetadataSchema,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import type { BlockchainInfo } from "../ledger/types.ts";
import type { SignedData } from "../policy/types.ts";
import { blockDataHash, blockHeaderBytes, metadataSlot } from "../protocol/block.ts";
import { countBytesFields, decodeAsGo, tryDecodeAsGo } from "../protocol/go-wire.ts";
import type { BlockVerifier } from "./types.ts";

const blockValidationPolicy = "/Channel/Orderer/BlockValidation";

export interface BlockVerifierOptions {
  readonly channelId: string;
  readonly bundleSource: ChannelConfigSource;
  /** The chain that the block must continue. */
  readonly info: () => BlockchainInfo;
}

/** A verifier for what orderers of one channel deliver. */
export function createBlockVerifier(options: BlockVerifierOptions): BlockVerifier {
  return (block) => {
    checkChain(options, block);
    checkTransactions(block);
    checkChannel(options.channelId, block);
    checkSignatures(options, block);
  };
}

function refuse(code: string, block: Block, message: string): never {
  const number = block.header?.number;
  throw new DenimError(code, `Block [${number ?? "none"}]: ${message}`, { number });
}

/** Number, previous hash and data hash. */
function checkChain({ info }: BlockVerifierOptions, block: Block): void {
  const { header, data } = block;
  if (!header) refuse("bad-block", block, "Header must be different from nil");
  if (!data) refuse("bad-block", block, "Data must be different from nil");
  const { height, currentBlockHash } = info();
  if (header.number !== BigInt(height)) {
    refuse("block-out-of-order", block, `expected block number [${height}]`);
  }
  if (height > 0 && !equal(header.previousHash, currentBlockHash)) {
    refuse("bad-previous-hash", block, "previous hash does not match the last block");
  }
  if (!equal(blockDataHash(data.data), header.dataHash)) {
    refuse("bad-data-hash", block, "Header.DataHash is different from Hash(block.Data)");
  }
}

/**
 * The data hash is over the plain concatenation, so the same bytes could be split otherwise. Each
 * entry must therefore be one whole envelope, no less and no more.
 */
export function checkTransactions(block: Block): void {
  const transactions = block.data?.data ?? [];
  if (transactions.length === 0) refuse("bad-block", block, "empty block");
  transactions.forEach((bytes, index) => {
    const envelope = tryDecodeAsGo(EnvelopeSchema, bytes);
    const wrong = (what: string) => refuse("re-split-block", block, `transaction ${index} ${what}`);
    if (!envelope) wrong("is invalid: not an Envelope");
    else if (envelope.payload.length === 0) wrong("has no payload");
    else if (envelope.signature.length === 0) wrong("has no signature");
    else if (countBytesFields(bytes, 1) !== 1 || countBytesFields(bytes, 2) !== 1) {
      wrong("holds more than one envelope");
    }
  });
}

function checkChannel(channelId: string, block: Block): void {
  const first = block.data?.data[0] ?? new Uint8Array(0);
  let named: string;
  try {
    const payload = decodeAsGo(PayloadSchema, decodeAsGo(EnvelopeSchema, first).payload);
    if (!payload.header) refuse("bad-block", block, "failed to retrieve channel id - nil header");
    named = decodeAsGo(ChannelHeaderSchema, payload.header.channelHeader).channelId;
  } catch (error) {
    refuse("bad-block", block, `Failed getting channel id: ${messageOf(error)}`);
  }
  if (named !== channelId) {
    refuse(
      "wrong-channel",
      block,
      `Invalid block's channel id. Expected [${channelId}]. Given [${named}]`,
    );
  }
}

/** The signatures the block validation policy asks for, over metadata value, header and block. */
function checkSignatures({ channelId, bundleSource }: BlockVerifierOptions, block: Block): void {
  const { header } = block;
  if (!header) refuse("bad-block", block, "Header must be different from nil");
  const slot = metadataSlot(block, BlockMetadataIndex.SIGNATURES);
  const metadata = tryDecodeAsGo(MetadataSchema, slot);
  if (!metadata) refuse("bad-block", block, "Failed unmarshalling metadata for signatures");
  const policy = bundleSource.bundle().policyManager.policy(blockValidationPolicy);
  if (!policy) {
    refuse("no-policy", block, `Could not acquire policy ${blockValidationPolicy} of ${channelId}`);
  }
  const headerBytes = blockHeaderBytes(header);
  const signed: SignedData[] = metadata.signatures.map(({ signatureHeader, signature }) => {
    const decoded = tryDecodeAsGo(SignatureHeaderSchema, signatureHeader);
    if (!decoded) refuse("bad-block", block, "Failed unmarshalling signature header");
    return {
      data: concat(metadata.value, signatureHeader, headerBytes),
      identity: decoded.creator,
      signature,
    };
  });
  try {
    policy.evaluate(signed);
  } catch (error) {
    if (!(error instanceof DenimError)) throw error;
    refuse("bad-block-signature", block, error.message);
  }
}
