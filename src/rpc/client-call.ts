/** One call as the client sees it: a stream of messages that ends with a status. */
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { FrameReader, plainBytes } from "./framing.ts";
import type { ClientSession } from "./session.ts";
import { decodeStatusMessage, GrpcStatus, RpcError, statusOfHttp } from "./status.ts";

const http2Cancel = 8;
const http2RefusedStream = 7;
const http2EnhanceYourCalm = 11;

export interface CallEvents {
  message(bytes: Uint8Array): void;
  /** Once, last: undefined for OK. `unprocessed`: the server has certainly not seen the call. */
  end(error: RpcError | undefined, unprocessed: boolean): void;
}

/** Watches an HTTP/2 stream and reports messages and the final status. */
export class ClientCall {
  #status: RpcError | "ok" | undefined;
  #ended = false;
  #answered = false;
  #failure: unknown;
  readonly #reader: FrameReader;

  constructor(
    readonly stream: ClientHttp2Stream,
    readonly session: ClientSession,
    maxMessageBytes: number,
    readonly events: CallEvents,
  ) {
    this.#reader = new FrameReader(maxMessageBytes);
    stream.on("response", (headers) => this.#response(headers));
    stream.on("trailers", (trailers) => this.#trailers(trailers));
    stream.on("data", (chunk: Uint8Array) => this.#data(chunk));
    stream.on("end", () => {
      if (this.#status !== undefined) this.#end();
    });
    stream.on("error", (error) => this.#failure = error); // "close" follows
    stream.on("close", () => this.#close());
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Ends the call from this side with the given error. */
  cancel(error: RpcError): void {
    if (this.#ended) return;
    this.#status = error;
    this.stream.close(http2Cancel);
    this.#end();
  }

  #response(headers: IncomingHttpHeaders): void {
    this.#answered = true;
    const httpStatus = Number(headers[":status"]);
    if (headers["grpc-status"] !== undefined) return this.#trailers(headers);
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

  #trailers(trailers: IncomingHttpHeaders): void {
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

  #data(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.#answered = true;
    this.#reader.push(plainBytes(chunk));
    try {
      for (let bytes = this.#reader.next(); bytes; bytes = this.#reader.next()) {
        this.events.message(bytes);
      }
    } catch (error) {
      this.cancel(
        error instanceof RpcError ? error : new RpcError(GrpcStatus.INTERNAL, String(error)),
      );
    }
  }

  #close(): void {
    if (this.#ended) return;
    const code = this.stream.rstCode;
    const unprocessed = code === http2RefusedStream && !this.#answered;
    this.#status ??= code === http2Cancel && this.session.usable
      ? new RpcError(GrpcStatus.CANCELLED, "the server cancelled the call")
      : code === http2EnhanceYourCalm
      ? new RpcError(GrpcStatus.RESOURCE_EXHAUSTED, "the server asks for fewer calls")
      : this.session.lost(this.#failure);
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

function textOnly(headers: IncomingHttpHeaders): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string" && !name.startsWith(":") && !name.startsWith("grpc-")) {
      texts[name] = value;
    }
  }
  return texts;
}
