/** One call as the server sees it: from request headers to trailers. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { concat } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { decodeWire } from "../protocol/wire-decoder.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";
import { encodeFrame, FrameReader } from "./framing.ts";
import type { Headers } from "./http2/headers.ts";
import { encodeHeaders } from "./http2/hpack-encoder.ts";
import { ErrorCode } from "./http2/protocol.ts";
import type { Http2Stream, StreamEnd, StreamEvents } from "./http2/stream.ts";
import { Inbox } from "./inbox.ts";
import type { RpcLimits } from "./limits.ts";
import type { CallCompleted, CallMetrics } from "./server-metrics.ts";
import { encodeStatusMessage, GrpcStatus, RpcError, toStatus } from "./status.ts";
import { maxTimerMs, parseTimeout } from "./timeout.ts";
import type { CallContext } from "./types.ts";

/** A handler without its message types. */
export type AnyHandler = (request: unknown, context: CallContext) => unknown;

export interface RegisteredMethod {
  readonly path: string;
  readonly method: DescMethod;
  readonly handler: AnyHandler | undefined;
  /** Undefined where nobody counts. */
  readonly metrics?: CallMetrics;
}

/** The connection a call came over. */
export interface Connection {
  readonly remoteAddress: string;
  readonly clientCertificate: Uint8Array | undefined;
  /** Cuts the connection where nobody is at its other end any more. */
  probe(): void;
}

/** Runs one call on one HTTP/2 stream. */
export class ServerCall implements CallContext, StreamEvents {
  readonly method: string;
  readonly headers: Headers;
  readonly deadline: number | undefined;

  readonly #stream: Http2Stream;
  readonly #connection: Connection;
  readonly #registered: RegisteredMethod;
  readonly #logger: Logger;
  readonly #reader: FrameReader;
  readonly #limits: RpcLimits;
  readonly #finished: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  #abort: AbortController | undefined;
  /** Why the call was cut before its handler ended. */
  #cut: RpcError | undefined;
  /** Wakes whatever the call waits for (handler, drain) when it is cut. */
  #wake: ((error: RpcError) => void) | undefined;
  #inbox: Inbox<Message> | undefined;
  #unaryRequest: Uint8Array | undefined;
  #drain: (() => void) | undefined;
  #done = false;

  constructor(
    stream: Http2Stream,
    headers: Headers,
    registered: RegisteredMethod,
    connection: Connection,
    limits: RpcLimits,
    logger: Logger,
    finished: () => void,
  ) {
    this.#stream = stream;
    this.#registered = registered;
    this.#logger = logger;
    this.#finished = finished;
    this.#reader = new FrameReader(limits.maxMessageBytes);
    this.#limits = limits;
    this.method = registered.path;
    this.#connection = connection;
    this.headers = headers;
    const timeout = headers["grpc-timeout"];
    const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout);
    if (timeoutMs !== undefined) {
      this.deadline = Date.now() + timeoutMs;
      this.#timer = setTimeout(
        () => this.cut(new RpcError(GrpcStatus.DEADLINE_EXCEEDED, "context deadline exceeded")),
        Math.min(timeoutMs, maxTimerMs),
      );
    }
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  get clientCertificate(): Uint8Array | undefined {
    return this.#connection.clientCertificate;
  }

  /** More than one answer may come. */
  get streaming(): boolean {
    return this.#registered.method.methodKind !== "unary";
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#cut) this.#abort.abort(this.#cut);
    }
    return this.#abort.signal;
  }

  /** Begins to read; everything else follows from the stream's events. */
  start(): void {
    this.#stream.events = this;
    const encoding = this.headers["grpc-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      return this.#finish(
        new RpcError(
          GrpcStatus.UNIMPLEMENTED,
          `grpc: Decompressor is not installed for grpc-encoding ${JSON.stringify(encoding)}`,
          { encoding },
          undefined,
          undefined,
          { "grpc-accept-encoding": "identity" },
        ),
      );
    }
    if (!this.#registered.handler) {
      return this.#finish(
        new RpcError(GrpcStatus.UNIMPLEMENTED, `method ${this.method} is not implemented`),
      );
    }
    const kind = this.#registered.method.methodKind;
    if (kind === "bidi_streaming" || kind === "client_streaming") this.#startStreaming();
  }

  /** Ends the call from outside: cancelled, deadline passed, server closing. */
  cut(error: RpcError): void {
    if (this.#done || this.#cut) return;
    this.#cut = error;
    this.#inbox?.fail(error);
    this.#abort?.abort(error);
    this.#wake?.(error);
    this.#finish(error);
  }

  // What the stream tells.

  data(bytes: Uint8Array): void {
    if (this.#done) return;
    try {
      this.#reader.push(bytes);
      for (let next = this.#reader.next(); next; next = this.#reader.next()) {
        if (this.#inbox) {
          this.#registered.metrics?.messageReceived();
          this.#inbox.push(next);
        } else if (this.#unaryRequest) {
          throw new RpcError(GrpcStatus.INTERNAL, `${this.method} takes one request message`);
        } else this.#unaryRequest = next;
      }
    } catch (error) {
      this.cut(toStatus(error, this.#logger, this.method));
    }
  }

  end(): void {
    if (this.#done) return;
    if (this.#reader.partial) {
      return this.cut(new RpcError(GrpcStatus.INTERNAL, "request ended within a message"));
    }
    if (this.#inbox) return this.#inbox.close();
    if (!this.#unaryRequest) {
      return this.cut(new RpcError(GrpcStatus.INTERNAL, "request ended without a message"));
    }
    let request: Message;
    try {
      request = this.#decode(this.#unaryRequest);
    } catch (error) {
      return this.cut(toStatus(error, this.#logger, this.method));
    }
    this.#unaryRequest = undefined;
    void this.#run(request);
  }

  room(): void {
    clearTimeout(this.#stallTimer);
    this.#drain?.();
  }

  closed(end: StreamEnd): void {
    clearTimeout(this.#stallTimer);
    if (!this.#done && end !== "complete") {
      this.cut(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
    }
    this.#end();
  }

  #decode(bytes: Uint8Array): Message {
    try {
      return decodeWire(this.#registered.method.input, bytes, { keepUnknown: true });
    } catch (error) {
      throw new RpcError(
        GrpcStatus.INTERNAL,
        `grpc: error unmarshalling request: ${messageOf(error)}`,
      );
    }
  }

  #startStreaming(): void {
    this.#inbox = new Inbox<Message>({
      decode: (bytes) => this.#decode(bytes),
      pause: (paused) => {
        if (paused) this.#stream.pause();
        else this.#stream.resume();
      },
    });
    void this.#run(this.#inbox);
  }

  async #run(request: unknown): Promise<void> {
    const completed = this.#registered.metrics?.begin();
    try {
      const answer = this.#registered.handler?.(request, this);
      const kind = this.#registered.method.methodKind;
      if (kind === "unary") {
        const message = await (answer as Promise<Message>);
        completed?.(GrpcStatus.OK);
        if (this.#done) return;
        const frame = encodeFrame(encodeWire(this.#registered.method.output, message));
        this.#respond(frame);
      } else await this.#sendAll(answer as AsyncIterable<Message>, completed);
    } catch (error) {
      if (!this.#done) this.#finish(toStatus(error, this.#logger, this.method));
      completed?.(toStatus(error).status);
    }
  }

  /** Sends a handler's messages at the pace of the client. */
  async #sendAll(messages: AsyncIterable<Message>, completed?: CallCompleted): Promise<void> {
    const iterator = messages[Symbol.asyncIterator]();
    let next: Promise<IteratorResult<Message>> | undefined;
    try {
      while (!this.#done) {
        next = iterator.next();
        const result = await this.#orCut(next);
        if (result.done) {
          completed?.(GrpcStatus.OK);
          return this.#finish();
        }
        this.#registered.metrics?.messageSent();
        const frame = encodeFrame(encodeWire(this.#registered.method.output, result.value));
        if (!this.#stream.headersSent) this.#stream.sendHeaders(answerHeaders);
        if (!this.#stream.write(frame)) await this.#orCut(this.#drained());
      }
    } finally {
      if (this.#cut) completed?.(this.#cut.status, next);
      // Not awaited: a handler that waits for something else must not hold the call.
      void Promise.resolve(iterator.return?.()).catch(() => {});
    }
  }

  /** The promise, or the error of `cut` if that comes first. */
  #orCut<T>(promise: Promise<T>): Promise<T> {
    if (this.#cut) {
      promise.catch(() => {});
      return Promise.reject(this.#cut);
    }
    return new Promise<T>((resolve, reject) => {
      this.#wake = reject;
      promise.then(resolve, reject);
    }).finally(() => this.#wake = undefined);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#stallTimer = setTimeout(() => this.#stalled(), this.#limits.sendStallTimeoutMs);
      this.#drain = resolve;
    });
  }

  /** Nobody takes the last message: the call ends, and the connection too if nobody is there at all. */
  #stalled(): void {
    const { sendStallTimeoutMs } = this.#limits;
    this.#logger.info(
      `${this.method} ended: the client has not read for ${sendStallTimeoutMs} ms`,
      { remoteAddress: this.remoteAddress },
    );
    this.cut(
      new RpcError(
        GrpcStatus.RESOURCE_EXHAUSTED,
        `the client has not read for ${sendStallTimeoutMs} ms`,
      ),
    );
    // Trailers would wait behind the message that is not read; a reset, which gRPC reads as
    // RESOURCE_EXHAUSTED, does not.
    this.#stream.reset(ErrorCode.ENHANCE_YOUR_CALM);
    this.#connection.probe();
  }

  /** A unary answer: headers, message and OK. */
  #respond(frame: Uint8Array): void {
    this.#done = true;
    this.#stream.sendHeaders(answerHeaders);
    this.#stream.write(frame);
    this.#stream.end(okTrailers);
    this.#end();
    // A large answer that nobody takes is dropped like a message of a stream.
    if (!this.#stream.closed && frame.length > watchedAnswerBytes) {
      this.#stallTimer = setTimeout(() => this.#stalled(), this.#limits.sendStallTimeoutMs);
    }
  }

  #finish(error?: RpcError): void {
    if (this.#done) return;
    this.#done = true;
    const trailers = error === undefined ? okTrailers : statusTrailers(error);
    if (this.#stream.headersSent) this.#stream.end(trailers);
    else this.#stream.sendHeaders(concat(answerHeaders, trailers), true);
    this.#end();
  }

  #ended = false;

  #end(): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    this.#ended = true;
    this.#finished();
  }
}

/** Smaller answers wait for their reader as long as the connection lasts. */
const watchedAnswerBytes = 16 * 1024;

const answerHeaders = encodeHeaders([[":status", "200"], ["content-type", "application/grpc"]]);
const okTrailers = encodeHeaders([["grpc-status", "0"]]);

function statusTrailers(error: RpcError): Uint8Array {
  return encodeHeaders([
    ...Object.entries(error.trailers),
    ["grpc-status", String(error.status)],
    ["grpc-message", encodeStatusMessage(error.message)],
  ]);
}
