/** What deliver clients ask about each block: is it the ordering service's next one? */
import { verifyBlock } from "../channel/block-verifier.ts";
import type { ChannelConfigSource } from "../channel/types.ts";
import type { BlockchainInfo } from "../ledger/types.ts";
import type { BlockVerifier } from "./types.ts";

export interface BlockVerifierOptions {
  readonly bundleSource: ChannelConfigSource;
  /** The chain that the block must continue. */
  readonly info: () => BlockchainInfo;
  /** Default true; see `BlockVerification`. */
  readonly refuseAmbiguousData?: boolean;
}

/** Number, chain, data and signatures against the configuration and ledger at the time of the call. */
export function createBlockVerifier(options: BlockVerifierOptions): BlockVerifier {
  return (block) => {
    const { height, currentBlockHash } = options.info();
    verifyBlock(block, {
      bundle: options.bundleSource.bundle(),
      expectedNumber: BigInt(height),
      expectedPreviousHash: currentBlockHash,
      refuseAmbiguousData: options.refuseAmbiguousData,
    });
  };
}
