/**
 * Pulls the blocks of one channel from the ordering service. Mirrors core/deliverservice
 * (client.go, blocksprovider.go); where 1.4.2 stays with an orderer that delivers bad blocks and
 * skips them, we leave it for another, and where it stops for good after eleven refusals, we go on
 * asking, since maintenance ends some time.
 */
import { withDeadline } from "../base/async.ts";
import { sleep as sleepFor } from "../base/async.ts";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type Block, type Envelope, Status } from "../gen/common/common_pb.ts";
import { AtomicBroadcast, type DeliverResponse } from "../gen/orderer/ab_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { isConfigBlock } from "../channel/config-block.ts";
import { blockHeaderHash } from "../protocol/block.ts";
import type { ClientStream, RpcClient } from "../rpc/types.ts";
import {
  backoffMs,
  defaultReconnectPolicy,
  type ReconnectPolicy,
  shuffled,
  statusPauseMs,
} from "./reconnect.ts";
import { createSeekEnvelope } from "./seek.ts";
import type { BlockVerifier, ChainTip, DeliverClient, DeliverEnd } from "./types.ts";
import { type StreamProgress, watchForWithheldBlocks } from "./withheld-blocks.ts";

export interface DeliverClientOptions {
  readonly channelId: string;
  /** host:port of the orderers as the configuration in force names them. */
  readonly addresses: () => readonly string[];
  readonly connect: (address: string) => RpcClient;
  readonly signer: SigningIdentity;
  readonly tlsCertificateHash?: Uint8Array;
  /** Number of the block that the ledger needs next. */
  readonly nextBlock: () => number;
  readonly verifyBlock: BlockVerifier;
  /** Told of a verified block that will be committed next, while the one before still is. */
  readonly onAhead?: (block: Block) => void;
  /** Commits a verified block; a rejection ends the client. */
  readonly onBlock: (block: Block) => Promise<unknown>;
  readonly reconnect?: Partial<ReconnectPolicy>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For tests: randomness in [0, 1) and pauses. */
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A commit that failed: not the orderer's fault, so no other orderer can help. */
class CommitFailure extends Error {
  constructor(override readonly cause: unknown) {
    super(messageOf(cause));
  }
}

export function createDeliverClient(options: DeliverClientOptions): DeliverClient {
  return new OrdererDeliverClient(options);
}

class OrdererDeliverClient implements DeliverClient {
  readonly ended: Promise<DeliverEnd>;
  address: string | undefined;
  readonly #options: DeliverClientOptions;
  readonly #policy: ReconnectPolicy;
  readonly #stopping = new AbortController();
  readonly #distrustedUntil = new Map<string, number>();
  /** Failures already reported since the last good block. */
  readonly #reported = new Set<string>();
  #settle: (end: DeliverEnd) => void = () => {};
  #started = false;

  constructor(options: DeliverClientOptions) {
    this.#options = options;
    this.#policy = { ...defaultReconnectPolicy, ...options.reconnect };
    this.ended = new Promise((resolve) => this.#settle = resolve);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#run().then(this.#settle, (error) => this.#settle({ kind: "commit-failed", error }));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (!this.#started) {
      this.#started = true;
      this.#settle({ kind: "stopped" });
    }
    await this.ended;
  }

  /** Round after round over all orderers, with growing pauses while no round brings a block. */
  async #run(): Promise<DeliverEnd> {
    const { channelId, logger } = this.#options;
    const { signal } = this.#stopping;
    const pause = this.#options.sleep ?? sleepFor;
    let attempt = 0;
    let answers = 0;
    let paused = 0;
    let lastError: unknown;
    while (!signal.aborted) {
      const round = await this.#round();
      if (signal.aborted) break;
      if (round.commitFailure) return { kind: "commit-failed", error: round.commitFailure.cause };
      if (round.progress || round.answered) {
        attempt = 0;
        paused = 0;
        answers = round.progress ? 0 : answers + 1;
        if (answers > 0) await pause(statusPauseMs(this.#policy, answers), signal);
        continue;
      }
      answers = 0;
      lastError = round.error;
      if (paused >= this.#policy.reconnectTotalTimeMs) {
        logger.error(`[${channelId}] Ceasing to retry: no orderer could be used`, {
          attempts: attempt,
          pausedMs: paused,
          reason: messageOf(lastError),
        });
        return { kind: "gave-up", lastError };
      }
      const ms = backoffMs(this.#policy, ++attempt);
      paused += ms;
      logger.debug(`[${channelId}] Retrying orderers`, { attempt, pauseMs: ms });
      await pause(ms, signal);
    }
    return { kind: "stopped" };
  }

  /** Each orderer once, until one brings a block. */
  async #round(): Promise<Round> {
    const { channelId } = this.#options;
    const candidates = this.#candidates();
    let answered = false;
    let error: unknown = new DenimError(
      "no-orderers",
      `[${channelId}] no orderer addresses are configured`,
      { channelId },
    );
    if (candidates.length === 0) this.#report("", error);
    for (const address of candidates) {
      let progress = false;
      try {
        await this.#pull(address, () => progress = true);
      } catch (thrown) {
        if (thrown instanceof CommitFailure) {
          return { progress, answered, error: thrown, commitFailure: thrown };
        }
        error = thrown;
        if (thrown instanceof DenimError && thrown.code === "orderer-status") answered = true;
        if (!this.#stopping.signal.aborted) this.#report(address, thrown);
      } finally {
        this.address = undefined;
      }
      if (progress || this.#stopping.signal.aborted) {
        return { progress, answered, error, commitFailure: undefined };
      }
    }
    return { progress: false, answered, error, commitFailure: undefined };
  }

  #candidates(): string[] {
    const { addresses, clock, random } = this.#options;
    const now = clock.now();
    const order = shuffled([...new Set(addresses())], random ?? Math.random);
    const distrusted = (address: string) => (this.#distrustedUntil.get(address) ?? 0) > now;
    return [
      ...order.filter((address) => !distrusted(address)),
      ...order.filter((address) => distrusted(address)),
    ];
  }

  /** One stream from one orderer; always throws in the end. */
  async #pull(address: string, onProgress: () => void): Promise<void> {
    const { channelId, connect, logger, nextBlock } = this.#options;
    const { signal } = this.#stopping;
    const client = connect(address);
    try {
      const stream = client.stream(AtomicBroadcast.method.deliver, { signal });
      try {
        await withDeadline(
          stream.send(this.#seek(nextBlock())),
          this.#policy.connectTimeoutMs,
          `connecting to orderer ${address}`,
        );
        this.address = address;
        logger.debug(`[${channelId}] Pulling blocks`, { address, from: nextBlock() });
        await this.#watched(address, stream, onProgress);
      } finally {
        stream.cancel();
      }
    } finally {
      await client.close();
    }
  }

  #seek(nextBlock: number | "newest"): Envelope {
    const { channelId, signer, clock, tlsCertificateHash } = this.#options;
    return createSeekEnvelope({
      channelId,
      nextBlock,
      signer,
      tlsCertificateHash,
      now: clock.now(),
    });
  }

  /** Takes the blocks of a stream, and leaves it if another orderer has more; throws in the end. */
  async #watched(
    address: string,
    stream: ClientStream<Envelope, DeliverResponse>,
    onProgress: () => void,
  ): Promise<void> {
    const progress = { answers: 0, awaited: undefined };
    const over = new AbortController();
    const withheld = watchForWithheldBlocks({
      channelId: this.#options.channelId,
      address,
      progress,
      others: () => this.#candidates().filter((other) => other !== address),
      connect: this.#options.connect,
      newestEnvelope: () => this.#seek("newest"),
      verify: (block) => this.#options.verifyBlock(block, tipBefore(block)),
      policy: this.#policy.withholding,
      logger: this.#options.logger,
    }, over.signal).then((found) => {
      if (found === undefined) return;
      this.#distrust(address);
      stream.cancel();
      return found;
    });
    let reason: unknown;
    try {
      await this.#commitAll(address, stream, progress, onProgress);
    } catch (error) {
      reason = error;
    }
    over.abort();
    const found = await withheld;
    if (reason instanceof CommitFailure) throw reason;
    throw found ?? reason ??
      new DenimError("stream-ended", `orderer ${address} ended the stream`, { address });
  }

  #distrust(address: string): void {
    this.#distrustedUntil.set(address, this.#options.clock.now() + this.#policy.distrustMs);
  }

  /**
   * Commits block after block. While one is committed the next is verified already, unless the first
   * changes the configuration that the second is verified against.
   */
  async #commitAll(
    address: string,
    stream: ClientStream<Envelope, DeliverResponse>,
    progress: Writable<StreamProgress>,
    onProgress: () => void,
  ): Promise<void> {
    const { nextBlock } = this.#options;
    let committing: Promise<void> = Promise.resolve();
    let tip: ChainTip | undefined;
    progress.awaited = nextBlock();
    try {
      for await (const response of stream.responses) {
        progress.answers++;
        progress.awaited = undefined;
        if (this.#stopping.signal.aborted) return;
        const block = this.#verified(address, response, tip);
        this.#options.onAhead?.(block);
        await committing;
        committing = this.#commit(address, block, onProgress);
        // Its failure ends the stream at once, not when the next block comes.
        committing.catch(() => stream.cancel());
        if (isConfigBlock(block)) await committing;
        tip = tipAfter(block);
        progress.awaited = tip?.height;
      }
    } finally {
      await committing;
    }
  }

  #verified(address: string, { Type }: DeliverResponse, tip: ChainTip | undefined): Block {
    const { verifyBlock, nextBlock } = this.#options;
    if (Type.case !== "block") throw statusError(address, Type.case, Type.value);
    const block = Type.value;
    try {
      const expected = tip?.height ?? nextBlock();
      if (block.header?.number !== BigInt(expected)) {
        throw new DenimError(
          "block-out-of-order",
          `expected block [${expected}], got [${block.header?.number ?? "none"}]`,
          { expected, number: block.header?.number },
        );
      }
      verifyBlock(block, tip);
      return block;
    } catch (error) {
      this.#distrust(address);
      throw error;
    }
  }

  async #commit(address: string, block: Block, onProgress: () => void): Promise<void> {
    try {
      await this.#options.onBlock(block);
    } catch (error) {
      throw new CommitFailure(error);
    }
    this.#reported.clear();
    onProgress();
    if (!this.#options.addresses().includes(address)) {
      throw new DenimError("orderer-removed", `orderer ${address} left the configuration`, {
        address,
      });
    }
  }

  /** One clear line per orderer and reason until a block arrives again. */
  #report(address: string, error: unknown): void {
    const { channelId, logger } = this.#options;
    if (error instanceof DenimError && error.code === "orderer-removed") {
      return logger.info(`[${channelId}] ${messageOf(error)}: another is asked`);
    }
    const code = error instanceof DenimError ? error.code : "failure";
    const key = `${address} ${code}`;
    const level = this.#reported.has(key) ? "debug" : "warn";
    this.#reported.add(key);
    const hint = error instanceof DenimError ? error.hint : undefined;
    logger[level](`[${channelId}] Cannot take blocks from orderer ${address}`, {
      code,
      reason: messageOf(error),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

function tipAfter({ header }: Block): ChainTip | undefined {
  return header && { height: Number(header.number) + 1, currentBlockHash: blockHeaderHash(header) };
}

/** Of a block that may be anywhere in the chain, all is checked but its place. */
function tipBefore({ header }: Block): ChainTip | undefined {
  return header && { height: Number(header.number), currentBlockHash: header.previousHash };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Round {
  /** A block was committed. */
  readonly progress: boolean;
  /** An orderer could be reached and refused with a status. */
  readonly answered: boolean;
  readonly error: unknown;
  readonly commitFailure: CommitFailure | undefined;
}

function statusError(address: string, kind: "status" | undefined, status: unknown): DenimError {
  if (kind === undefined) {
    return new DenimError("bad-response", `orderer ${address} sent an empty response`, { address });
  }
  const name = Status[Number(status)] ?? String(status);
  const hint = status === Status.FORBIDDEN
    ? "The orderer refuses this peer: is the ordering service in maintenance? Is the peer's MSP part " +
      "of the channel's Readers, and its TLS client certificate the one it signs for?"
    : status === Status.BAD_REQUEST
    ? "The orderer does not accept the request: are the clocks of both machines right?"
    : status === Status.NOT_FOUND
    ? "The orderer does not know the channel (yet)."
    : undefined;
  return new DenimError(
    "orderer-status",
    `orderer ${address} ended the stream with status ${name}`,
    { address, status: name },
    hint,
  );
}
