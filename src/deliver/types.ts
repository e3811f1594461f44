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

/** For whom blocks are sent. */
export interface DeliverSession {
  readonly channelId: string;
  /** The seek request, as its sender signed it. */
  readonly signed: SignedData;
}

/** How one kind of deliver call answers and who may make it. */
export interface DeliverKind<Response> {
  /** Filtered blocks; counted apart. */
  readonly filtered?: boolean;
  /** @throws DenimError where the signer may not read the channel */
  checkAccess(signed: SignedData, channelId: string): void;
  status(status: Status): Response;
  /** @throws DenimError where the block cannot be sent: the call ends with it */
  block(block: Block, session: DeliverSession): Response;
}

/** Requests of one deliver stream. */
export type SeekRequests = AsyncIterable<Envelope>;
