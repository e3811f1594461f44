/** Blocks on their way from an orderer into the ledger. Mirrors core/committer and core/deliverservice. */
import type { Block } from "../gen/common/common_pb.ts";
import type { BlockchainInfo, CommittedBlock } from "../ledger/types.ts";

/** Validates and commits blocks of one channel, in order, exactly once. */
export interface Committer {
  /**
   * Validates, collects private data, commits, and puts a new configuration in force.
   * Calls are worked off one after the other.
   * @throws DenimError `block-out-of-order`, `bad-previous-hash`, or why validation or commit could not be done; the block is then not in the ledger
   */
  commitBlock(block: Block): Promise<CommittedBlock>;
  /** A hint that this block is handed over soon. */
  prepare(block: Block): void;
  /** Resolves when the blocks handed over so far are committed or refused. */
  idle(): Promise<void>;
}

/** What one block cost, for logs and metrics. Times in milliseconds. */
export interface BlockTimings {
  readonly channelId: string;
  readonly number: number;
  readonly transactions: number;
  readonly validationMs: number;
  /** Private data, configuration and ledger. */
  readonly commitMs: number;
  readonly missingPrivateData: number;
}

/** Why a deliver client has ended. */
export type DeliverEnd =
  | { readonly kind: "stopped" }
  /** No orderer could be used for `reconnectTotalTimeMs`. */
  | { readonly kind: "gave-up"; readonly lastError: unknown }
  /** A verified block could not be committed; going on would lose it. */
  | { readonly kind: "commit-failed"; readonly error: unknown };

export interface DeliverClient {
  /** Begins to pull blocks; a second call does nothing. */
  start(): void;
  /** Ends at once; resolves when connection, stream and timers are gone. */
  stop(): Promise<void>;
  /** Settles when the client has ended, however it ended. */
  readonly ended: Promise<DeliverEnd>;
  /** The orderer it is connected to. */
  readonly address: string | undefined;
}

/** Where a chain ends. */
export type ChainTip = Pick<BlockchainInfo, "height" | "currentBlockHash">;

/**
 * Checks what one orderer says is the next block.
 * @param tip the end of the chain where that is further than the ledger: a block on its way
 * @throws DenimError what is wrong with it
 */
export type BlockVerifier = (block: Block, tip: ChainTip | undefined) => void;
