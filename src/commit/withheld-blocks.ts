/**
 * Does another orderer have a block that the one we pull from keeps back? An orderer that is there,
 * answers pings and sends nothing looks like one of a channel on which nothing happens. Fabric 1.4
 * waits for ever; 3.x has such a watch (bft_censorship_monitor.go), with a stream of headers from
 * every orderer. Those of 1.4 have no headers to give, so one of the others is asked for its newest
 * block, and only while nothing comes.
 */
import { sleep, withDeadline } from "../base/async.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type Block, type Envelope, Status } from "../gen/common/common_pb.ts";
import { AtomicBroadcast } from "../gen/orderer/ab_pb.ts";
import { onlyAnswer } from "../rpc/only-answer.ts";
import type { RpcClient } from "../rpc/types.ts";

export interface WithholdingPolicy {
  /** Without a block for so long, another orderer is asked; and again after as long. */
  readonly silenceMs: number;
  /** A block that is elsewhere may be on its way: so long it may take. */
  readonly graceMs: number;
  /** Within this time the other orderer connects and answers. */
  readonly answerMs: number;
}

export const defaultWithholdingPolicy: WithholdingPolicy = {
  silenceMs: 60_000,
  graceMs: 10_000,
  answerMs: 10_000,
};

/** What the stream that is watched has brought. */
export interface StreamProgress {
  /** Answers so far. */
  readonly answers: number;
  /** Number of the block that has not come yet; undefined while the last answer is worked on. */
  readonly awaited: number | undefined;
}

export interface WithholdingWatch {
  readonly channelId: string;
  /** The orderer that is watched. */
  readonly address: string;
  readonly progress: StreamProgress;
  /** The channel's other orderers, those to ask first in front. */
  readonly others: () => readonly string[];
  readonly connect: (address: string) => RpcClient;
  /** A signed request for the newest block. */
  readonly newestEnvelope: () => Envelope;
  /** Is it a block of the ordering service, wherever in the chain? @throws if not */
  readonly verify: (block: Block) => void;
  readonly policy: WithholdingPolicy;
  readonly logger: Logger;
}

/**
 * Watches until `signal` aborts, or the orderer is found to keep back blocks.
 * @returns what to say of it, undefined after `signal`
 */
export async function watchForWithheldBlocks(
  watch: WithholdingWatch,
  signal: AbortSignal,
): Promise<DenimError | undefined> {
  const { progress, policy, address, channelId } = watch;
  while (!signal.aborted) {
    const { answers } = progress;
    const silent = () =>
      !signal.aborted && progress.answers === answers && progress.awaited !== undefined;
    await sleep(policy.silenceMs, signal);
    if (!silent()) continue;
    const { awaited } = progress;
    const found = await elsewhere(watch, signal);
    if (found === undefined || awaited === undefined || found.number < awaited) continue;
    await sleep(policy.graceMs, signal);
    if (!silent()) continue;
    return new DenimError(
      "blocks-withheld",
      `orderer ${address} keeps back block ${awaited} of channel ${channelId}: ` +
        `orderer ${found.address} has block ${found.number}`,
      { address, channelId, awaited, elsewhere: found.address, newest: found.number },
    );
  }
  return undefined;
}

/** The newest block of the first of the other orderers that shows one. */
async function elsewhere(
  { others, channelId, verify, logger, ...watch }: WithholdingWatch,
  signal: AbortSignal,
): Promise<{ readonly address: string; readonly number: number } | undefined> {
  for (const address of others()) {
    if (signal.aborted) return undefined;
    try {
      const block = await newestBlock({ ...watch, address }, signal);
      verify(block);
      return { address, number: Number(block.header?.number) };
    } catch (error) {
      logger.debug(`[${channelId}] ${address} does not show its newest block`, {
        reason: messageOf(error),
      });
    }
  }
  return undefined;
}

async function newestBlock(
  { address, connect, newestEnvelope, policy }: Pick<
    WithholdingWatch,
    "address" | "connect" | "newestEnvelope" | "policy"
  >,
  signal: AbortSignal,
): Promise<Block> {
  const client = connect(address);
  try {
    const stream = client.stream(AtomicBroadcast.method.deliver, { signal });
    const answer = await withDeadline(
      onlyAnswer(stream, newestEnvelope()),
      policy.answerMs,
      `newest block of ${address}`,
    ).finally(() => stream.cancel());
    if (answer?.Type.case === "block") return answer.Type.value;
    const status = answer?.Type.case === "status" ? Status[answer.Type.value] : "nothing";
    throw new DenimError("orderer-status", `orderer ${address} answered ${status}`, { address });
  } finally {
    await client.close();
  }
}
