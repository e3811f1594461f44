/** One call as the server sees it: from request headers to trailers. */
import { setImmediate } from "node:timers";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { encodeFrame, FrameReader, plainBytes } from "./framing.ts";
import { Inbox } from "./inbox.ts";
import { probe } from "./keepalive.ts";
import type { RpcLimits } from "./limits.ts";
import type { CallCompleted, CallMetrics } from "./server-metrics.ts";
import { encodeStatusMessage, GrpcStatus, RpcError, toStatus } from "./status.ts";
import { maxTimerMs, parseTimeout } from "./timeout.ts";
import type { CallContext } from "./types.ts";

/** RST_STREAM code. */
const http2NoError = 0;
/** gRPC reads it as RESOURCE_EXHAUSTED. */
const http2EnhanceYourCalm = 11;

/** A handler without its message types. */
export type AnyHandler = (request: unknown, context: CallContext) => unknown;

export interface RegisteredMethod {
  readonly path: string;
  readonly method: DescMethod;
  readonly handler: AnyHandler | undefined;
  /** Undefined where nobody counts. */
  readonly metrics?: CallMetrics;
}

/** What is known of the connection a call came over. */
export interface Connection {
  readonly remoteAddress: string;
  readonly clientCertificate: Uint8Array | undefined;
}

/** Runs one call on one HTTP/2 stream. */
export class ServerCall implements CallContext {
  readonly method: string;
  readonly remoteAddress: string;
  readonly clientCertificate: Uint8Array | undefined;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly deadline: number | undefined;

  readonly #stream: ServerHttp2Stream;
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
  #headersSent = false;
  #done = false;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
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
    this.remoteAddress = connection.remoteAddress;
    this.clientCertificate = connection.clientCertificate;
    this.headers = headers as Record<string, string | undefined>;
    const timeout = headers["grpc-timeout"];
    const timeoutMs = typeof timeout === "string" ? parseTimeout(timeout) : undefined;
    if (timeoutMs !== undefined) {
      this.deadline = Date.now() + timeoutMs;
      this.#timer = setTimeout(
        () => this.cut(new RpcError(GrpcStatus.DEADLINE_EXCEEDED, "context deadline exceeded")),
        Math.min(timeoutMs, maxTimerMs),
      );
    }
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

  /** Begins to read; everything else follows from events. */
  start(): void {
    const stream = this.#stream;
    stream.on("error", () => {}); // "close" follows and says the same
    stream.on("close", () => {
      if (!this.#done) this.cut(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
      this.#end();
    });
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
    stream.on("data", (chunk: Uint8Array) => this.#received(chunk));
    // After a reset the request has not ended: "close" follows.
    stream.on("end", () => {
      if (!stream.aborted) this.#requestEnded();
    });
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

  #received(chunk: Uint8Array): void {
    if (this.#done) return;
    try {
      this.#reader.push(plainBytes(chunk));
      for (let bytes = this.#reader.next(); bytes; bytes = this.#reader.next()) {
        if (this.#inbox) {
          this.#registered.metrics?.messageReceived();
          this.#inbox.push(bytes);
        } else if (this.#unaryRequest) {
          throw new RpcError(GrpcStatus.INTERNAL, `${this.method} takes one request message`);
        } else this.#unaryRequest = bytes;
      }
    } catch (error) {
      this.cut(toStatus(error, this.#logger, this.method));
    }
  }

  #requestEnded(): void {
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

  #decode(bytes: Uint8Array): Message {
    try {
      return fromBinary(this.#registered.method.input, bytes);
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
        const frame = encodeFrame(toBinary(this.#registered.method.output, message));
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
        const frame = encodeFrame(toBinary(this.#registered.method.output, result.value));
        this.#sendHeaders();
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
      this.#stream.once("drain", () => {
        clearTimeout(this.#stallTimer);
        resolve();
      });
    });
  }

  /** Nobody takes the last message: the call ends, and the connection too if nobody is there at all. */
  #stalled(): void {
    const { sendStallTimeoutMs, keepaliveTimeoutMs } = this.#limits;
    this.#logger.info(
      `${this.method} ended: the client has not read for ${sendStallTimeoutMs} ms`,
      {
        remoteAddress: this.remoteAddress,
      },
    );
    const { session } = this.#stream;
    this.cut(
      new RpcError(
        GrpcStatus.RESOURCE_EXHAUSTED,
        `the client has not read for ${sendStallTimeoutMs} ms`,
      ),
    );
    // Trailers would wait behind the message that is not read; a reset does not.
    this.#stream.close(http2EnhanceYourCalm);
    if (session) probe(session, keepaliveTimeoutMs);
  }

  #sendHeaders(): void {
    if (this.#headersSent) return;
    this.#headersSent = true;
    this.#stream.respond(responseHeaders, { waitForTrailers: true });
    this.#stream.on("wantTrailers", () => this.#sendTrailers());
  }

  #trailers: Record<string, string> = okTrailers;

  #sendTrailers(): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.sendTrailers(this.#trailers);
    stopReading(this.#stream);
  }

  /** A unary answer: headers, message and OK. */
  #respond(frame: Uint8Array): void {
    this.#done = true;
    if (this.#gone) return this.#end();
    this.#sendHeaders();
    this.#stream.end(frame);
    this.#end();
    if (frame.length > watchedAnswerBytes) this.#watchAnswer();
  }

  /** A large answer that nobody takes is dropped like a message of a stream. */
  #watchAnswer(): void {
    const timer = setTimeout(() => this.#stalled(), this.#limits.sendStallTimeoutMs);
    this.#stream.once("close", () => clearTimeout(timer));
  }

  get #gone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #finish(error?: RpcError): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#gone) return this.#end();
    if (error) this.#trailers = statusTrailers(error);
    if (this.#headersSent) this.#stream.end();
    else {
      this.#headersSent = true;
      this.#stream.respond({ ...responseHeaders, ...this.#trailers }, { endStream: true });
      stopReading(this.#stream);
    }
    this.#end();
  }

  #ended = false;

  #end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#stallTimer);
    if (this.#ended) return;
    this.#ended = true;
    this.#finished();
  }
}

/** Smaller answers wait for their reader as long as the connection lasts. */
const watchedAnswerBytes = 16 * 1024;

/** After the trailers: tells a client that is still sending that nobody reads. */
export function stopReading(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return;
  stream.resume();
  // Not at once: a reset would overtake the trailers.
  setImmediate(() => {
    if (!stream.closed) stream.close(http2NoError);
  });
}

const responseHeaders = { ":status": 200, "content-type": "application/grpc" } as const;
const okTrailers: Record<string, string> = { "grpc-status": "0" };

function statusTrailers(error: RpcError): Record<string, string> {
  return {
    ...error.trailers,
    "grpc-status": String(error.status),
    "grpc-message": encodeStatusMessage(error.message),
  };
}
