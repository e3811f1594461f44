/** One call as the client sees it: a stream of messages that ends with a status. */
import { FrameReader } from "./framing.ts";
import type { Headers } from "./http2/headers.ts";
import { ErrorCode } from "./http2/protocol.ts";
import type { Http2Stream, StreamEnd, StreamEvents } from "./http2/stream.ts";
import type { ClientSession } from "./session.ts";
import { decodeStatusMessage, GrpcStatus, RpcError, statusOfHttp } from "./status.ts";

export interface CallEvents {
  message(bytes: Uint8Array): void;
  /** After a `write` that was refused: there is room again. */
  room?(): void;
  /** Once, last: undefined for OK. `unprocessed`: the server has certainly not seen the call. */
  end(error: RpcError | undefined, unprocessed: boolean): void;
}

/** Makes an HTTP/2 stream and reports its messages and the final status. */
export class ClientCall implements StreamEvents {
  #stream: Http2Stream | undefined;
  #status: RpcError | "ok" | undefined;
  #ended = false;
  #answered = false;
  readonly #reader: FrameReader;

  constructor(
    readonly session: ClientSession,
    maxMessageBytes: number,
    readonly events: CallEvents,
  ) {
    this.#reader = new FrameReader(maxMessageBytes);
  }

  /**
   * @param headers the request's, an HPACK block
   * @returns false: the connection takes no more calls
   */
  start(headers: Uint8Array): boolean {
    this.#stream = this.session.request(headers, this);
    return this.#stream !== undefined;
  }

  /** @returns false: wait for `room` */
  write(frame: Uint8Array): boolean {
    return this.#stream?.write(frame) ?? true;
  }

  /** Writes the last message. */
  writeLast(frame: Uint8Array): void {
    this.#stream?.writeLast(frame);
  }

  /** No more messages from here. */
  halfClose(): void {
    this.#stream?.end();
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Ends the call from this side with the given error. */
  cancel(error: RpcError): void {
    if (this.#ended) return;
    this.#status = error;
    this.#stream?.reset(ErrorCode.CANCEL);
    this.#end();
  }

  // What the stream tells.

  answer(headers: Headers): void {
    this.#answered = true;
    const httpStatus = Number(headers[":status"]);
    if (headers["grpc-status"] !== undefined) return this.trailers(headers);
    if (httpStatus !== 200) {
      return this.cancel(
        new RpcError(statusOfHttp(httpStatus), `unexpected HTTP status ${httpStatus}`, {
          httpStatus,
        }),
      );
    }
    const contentType = headers["content-type"] ?? "";
    if (!contentType.startsWith("application/grpc")) {
      this.cancel(
        new RpcError(
          GrpcStatus.UNKNOWN,
          `the answer has content-type ${JSON.stringify(contentType)}, not application/grpc`,
          {},
          "Is there a gRPC server at this address?",
        ),
      );
    }
  }

  trailers(trailers: Headers): void {
    if (this.#status !== undefined) return;
    this.#answered = true;
    const code = Number(trailers["grpc-status"] ?? NaN);
    if (code === GrpcStatus.OK) this.#status = "ok";
    else if (Number.isInteger(code)) {
      const message = decodeStatusMessage(String(trailers["grpc-message"] ?? ""));
      const known = GrpcStatus[code] === undefined ? GrpcStatus.UNKNOWN : code;
      this.#status = new RpcError(known, message, {}, undefined, undefined, textOnly(trailers));
    }
  }

  data(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#answered = true;
    this.#reader.push(bytes);
    try {
      for (let next = this.#reader.next(); next; next = this.#reader.next()) {
        this.events.message(next);
      }
    } catch (error) {
      this.cancel(
        error instanceof RpcError ? error : new RpcError(GrpcStatus.INTERNAL, String(error)),
      );
    }
  }

  end(): void {
    if (this.#status !== undefined) this.#end();
  }

  room(): void {
    this.events.room?.();
  }

  closed(end: StreamEnd): void {
    if (this.#ended) return;
    const unprocessed = end === ErrorCode.REFUSED_STREAM && !this.#answered;
    this.#status ??= end === ErrorCode.CANCEL
      ? new RpcError(GrpcStatus.CANCELLED, "the server cancelled the call")
      : end === ErrorCode.ENHANCE_YOUR_CALM
      ? new RpcError(GrpcStatus.RESOURCE_EXHAUSTED, "the server asks for fewer calls")
      : this.session.lost();
    this.#end(unprocessed);
  }

  #end(unprocessed = false): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#status === "ok" && this.#reader.partial) {
      this.#status = new RpcError(GrpcStatus.INTERNAL, "the answer ended within a message");
    }
    this.events.end(this.#status === "ok" ? undefined : this.#status, unprocessed);
  }
}

function textOnly(headers: Headers): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string" && !name.startsWith(":") && !name.startsWith("grpc-")) {
      texts[name] = value;
    }
  }
  return texts;
}
