/** What the deliver service needs of a channel, shared by peer and orderer. Mirrors common/deliver. */
import type { Envelope } from "../gen/common/common_pb.ts";
import type { Block, Status } from "../gen/common/common_pb.ts";
import type { SignedData } from "../policy/types.ts";

/** Blocks of one channel, and the configuration they are read under. */
export interface ChannelBlocks {
  /** Number of blocks. */
  height(): number;
  /** Blocks from this number on; waits for those not there yet, ends when the signal aborts. */
  blocksFrom(blockNumber: number, signal: AbortSignal): AsyncIterable<Block>;
  /** Sequence of the channel configuration in force; access is checked again when it grows. */
  sequence(): bigint;
  /** Aborted while the channel cannot serve (an orderer whose consenter failed). */
  readonly errored?: AbortSignal;
}

/** How one kind of deliver call answers and who may make it. */
export interface DeliverKind<Response> {
  /** @throws DenimError where the signer may not read the channel */
  checkAccess(signed: SignedData, channelId: string): void;
  status(status: Status): Response;
  block(block: Block): Response;
}

/** Requests of one deliver stream. */
export type SeekRequests = AsyncIterable<Envelope>;
