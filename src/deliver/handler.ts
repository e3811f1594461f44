/** The deliver loop: seek requests in, blocks and statuses out. Mirrors common/deliver/deliver.go. */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type Counter, disabledMetrics } from "../base/metrics.ts";
import { type Block, type Envelope, Status } from "../gen/common/common_pb.ts";
import { ChannelHeaderSchema, PayloadSchema } from "../gen/common/common_pb.ts";
import { SeekInfo_SeekErrorResponse, SeekInfoSchema } from "../gen/orderer/ab_pb.ts";
import { tryDecode } from "../protocol/decode.ts";
import { envelopeSignedData } from "../protocol/signed-data.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CallContext } from "../rpc/types.ts";
import { checkChannelHeader } from "./channel-header-check.ts";
import { createDeliverMetrics, type DeliverMetrics } from "./metrics.ts";
import { resolveSeek, type SeekRange } from "./seek.ts";
import { SessionAccess } from "./session-access.ts";
import type { ChannelBlocks, DeliverKind, SeekRequests } from "./types.ts";

/** Fabric's peer.authentication.timewindow where it is not set. */
export const defaultTimeWindowMs = 15 * 60 * 1000;

export interface DeliverOptions {
  readonly channel: (channelId: string) => ChannelBlocks | undefined;
  /** Greatest distance between a request's time and ours. */
  readonly timeWindowMs?: number;
  /** The service requires client certificates, so requests must name theirs. */
  readonly mutualTls: boolean;
  /** Default: nothing is counted. */
  readonly metrics?: DeliverMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

const uncounted = createDeliverMetrics(disabledMetrics);

/** A refused or finished request; `why` is for the log. */
interface Answer {
  readonly status: Status;
  readonly why?: string;
}

/** One seek request to a channel that is there. */
interface SeekRequest<R> {
  readonly channel: ChannelBlocks;
  readonly channelId: string;
  /** Serialized SeekInfo. */
  readonly data: Uint8Array;
  readonly envelope: Envelope;
  readonly context: CallContext;
  readonly kind: DeliverKind<R>;
  readonly sent: Counter;
}

export class DeliverHandler {
  readonly #options: DeliverOptions;
  readonly #logger: Logger;
  readonly #metrics: DeliverMetrics;

  constructor(options: DeliverOptions) {
    this.#options = options;
    this.#metrics = options.metrics ?? uncounted;
    this.#logger = options.logger.named("common.deliver");
  }

  /**
   * Serves one stream: every seek request is answered with its blocks and a status; any status but
   * SUCCESS ends the stream.
   */
  async *handle<R>(
    requests: SeekRequests,
    context: CallContext,
    kind: DeliverKind<R>,
  ): AsyncGenerator<R> {
    this.#metrics.streamsOpened.add(1);
    try {
      for await (const envelope of requests) {
        const { status, why } = yield* this.#deliver(envelope, context, kind);
        if (why !== undefined) {
          const level = status === Status.NOT_FOUND ? "debug" : "warn";
          this.#logger[level](`deliver request rejected: ${why}`, {
            remote: context.remoteAddress,
            status: Status[status],
          });
        }
        yield kind.status(status);
        if (status !== Status.SUCCESS) return;
      }
    } finally {
      this.#metrics.streamsClosed.add(1);
    }
  }

  async *#deliver<R>(
    envelope: Envelope,
    context: CallContext,
    kind: DeliverKind<R>,
  ): AsyncGenerator<R, Answer> {
    const payload = tryDecode(PayloadSchema, envelope.payload);
    if (!payload) return bad("envelope without payload");
    if (!payload.header) return bad("envelope with bad header");
    const header = tryDecode(ChannelHeaderSchema, payload.header.channelHeader);
    if (!header) return bad("malformed channel header");
    const { clock, mutualTls, timeWindowMs = defaultTimeWindowMs } = this.#options;
    try {
      checkChannelHeader(header, context.clientCertificate, { clock, mutualTls, timeWindowMs });
    } catch (error) {
      return bad(messageOf(error));
    }
    const { channelId } = header;
    const channel = this.#options.channel(channelId);
    if (!channel) return { status: Status.NOT_FOUND, why: `channel ${channelId} not found` };
    const labels = [channelId, String(kind.filtered ?? false)];
    this.#metrics.requestsReceived.with(...labels).add(1);
    let success = false;
    try {
      const sent = this.#metrics.blocksSent.with(...labels);
      const { data } = payload;
      const request = { channel, channelId, data, envelope, context, kind, sent };
      const answer = yield* this.#answerSeek(request);
      success = answer.status === Status.SUCCESS;
      return answer;
    } finally {
      this.#metrics.requestsCompleted.with(...labels, String(success)).add(1);
    }
  }

  async *#answerSeek<R>(request: SeekRequest<R>): AsyncGenerator<R, Answer> {
    const { channel, channelId, data, envelope, kind } = request;
    const seek = tryDecode(SeekInfoSchema, data);
    if (!seek) return bad(`[channel: ${channelId}] malformed seekInfo`);
    const errored = seek.errorResponse === SeekInfo_SeekErrorResponse.BEST_EFFORT
      ? undefined
      : channel.errored;
    if (errored?.aborted) return unavailable(channelId);

    let access: SessionAccess;
    try {
      const [signed] = envelopeSignedData(envelope);
      access = new SessionAccess(
        signed,
        () => channel.sequence(),
        (signed) => kind.checkAccess(signed, channelId),
        this.#options.clock,
      );
    } catch (error) {
      return bad(`[channel: ${channelId}] ${messageOf(error)}`);
    }
    const refused = forbidden(access, channelId);
    if (refused) return refused;

    const resolved = resolveSeek(seek, channel.height());
    if ("bad" in resolved) return bad(`[channel: ${channelId}] ${resolved.bad}`);
    if ("missing" in resolved) {
      return { status: Status.NOT_FOUND, why: `[channel: ${channelId}] ${resolved.missing}` };
    }
    return yield* this.#sendRange(request, resolved.range, access, errored);
  }

  /** The next block; the end where the channel's blocks cannot be read (closed, damaged). */
  async #nextBlock(
    blocks: AsyncIterator<Block>,
    channelId: string,
  ): Promise<IteratorResult<Block, undefined>> {
    try {
      return await blocks.next();
    } catch (error) {
      this.#logger.error(`[channel: ${channelId}] error reading from channel`, {
        error: messageOf(error),
      });
      return { done: true, value: undefined };
    }
  }

  async *#sendRange<R>(
    { channel, channelId, context, kind, sent }: SeekRequest<R>,
    range: SeekRange,
    access: SessionAccess,
    errored: AbortSignal | undefined,
  ): AsyncGenerator<R, Answer> {
    const over = new AbortController();
    const end = () => over.abort();
    context.signal.addEventListener("abort", end, { once: true });
    errored?.addEventListener("abort", end, { once: true });
    if (context.signal.aborted) end();
    const blocks = readBlocks(channel, range.start, over.signal);
    try {
      for (let number = range.start;; number++) {
        if (range.failIfNotReady && number >= channel.height()) {
          return { status: Status.NOT_FOUND };
        }
        const next = await this.#nextBlock(blocks, channelId);
        if (next.done) {
          if (context.signal.aborted) {
            throw new RpcError(
              GrpcStatus.UNKNOWN,
              "context finished before block retrieved: context canceled",
            );
          }
          return unavailable(channelId);
        }
        const refused = forbidden(access, channelId);
        if (refused) return refused;
        yield kind.block(next.value, { channelId, signed: access.signed });
        sent.add(1);
        if (next.value.header?.number === range.stop) return { status: Status.SUCCESS };
      }
    } finally {
      context.signal.removeEventListener("abort", end);
      errored?.removeEventListener("abort", end);
      end();
      await blocks.return(undefined);
    }
  }
}

/** Defers even the opening, so that its errors come out of `next`. */
async function* readBlocks(
  channel: ChannelBlocks,
  start: number,
  signal: AbortSignal,
): AsyncGenerator<Block, undefined> {
  yield* channel.blocksFrom(start, signal);
}

function bad(why: string): Answer {
  return { status: Status.BAD_REQUEST, why };
}

function unavailable(channelId: string): Answer {
  return {
    status: Status.SERVICE_UNAVAILABLE,
    why: `[channel: ${channelId}] blocks cannot be read now`,
  };
}

function forbidden(access: SessionAccess, channelId: string): Answer | undefined {
  try {
    access.evaluate();
    return undefined;
  } catch (error) {
    const why = `[channel: ${channelId}] client authorization revoked: ${messageOf(error)}`;
    return { status: Status.FORBIDDEN, why };
  }
}
