/**
 * gRPC client over HTTP/2, plain or TLS. Connects on the first call, and again when the connection
 * has gone; calls in flight on a lost connection end UNAVAILABLE.
 */
import type { DescMethod, MessageShape } from "@bufbuild/protobuf";
import { concat } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import { decodeWire } from "../protocol/wire-decoder.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";
import { ClientCall } from "./client-call.ts";
import { CallScope } from "./call-scope.ts";
import { encodeFrame } from "./framing.ts";
import { encodeHeaders } from "./http2/hpack-encoder.ts";
import { defaultClientLimits, type RpcLimits } from "./limits.ts";
import { type ClientSession, openSession, type SessionTarget } from "./session.ts";
import { GrpcStatus, RpcError } from "./status.ts";
import { formatTimeout } from "./timeout.ts";
import { StreamingCall } from "./streaming-call.ts";
import type { CallOptions, ClientStream, ClientTls, RpcClient } from "./types.ts";

/** Connection timeout where the target says nothing (Fabric's peer.client.connTimeout). */
export const defaultConnectTimeoutMs = 3_000;

export interface RpcTarget {
  /** `host:port`. */
  readonly address: string;
  /** Unset: plain text. */
  readonly tls?: ClientTls;
  /** Until the TLS handshake is through. */
  readonly connectTimeoutMs?: number;
  readonly maxMessageBytes?: number;
  /** Overrides of `defaultClientLimits`. */
  readonly limits?: Partial<RpcLimits>;
}

/** A client for one server; it connects when the first call is made. */
export function createRpcClient(target: RpcTarget): RpcClient {
  return new Http2RpcClient(target);
}

class Http2RpcClient implements RpcClient {
  readonly address: string;
  readonly #target: SessionTarget;
  #session: ClientSession | undefined;
  #opening: Promise<ClientSession> | undefined;
  /** Connections that still serve calls, or have not closed yet. */
  readonly #sessions = new Set<ClientSession>();
  /** Calls that have not ended. */
  readonly #calls = new Set<CallScope>();
  readonly #closing = new AbortController();
  /** Headers that all calls of a method have. */
  readonly #fixedHeaders = new Map<DescMethod, Uint8Array>();

  constructor(target: RpcTarget) {
    this.address = target.address;
    const limits = { ...defaultClientLimits, ...target.limits };
    this.#target = {
      address: target.address,
      tls: target.tls,
      connectTimeoutMs: target.connectTimeoutMs ?? defaultConnectTimeoutMs,
      limits: { ...limits, maxMessageBytes: target.maxMessageBytes ?? limits.maxMessageBytes },
    };
  }

  get idle(): boolean {
    return this.#calls.size === 0;
  }

  async unary<M extends DescMethod & { methodKind: "unary" }>(
    method: M,
    request: MessageShape<M["input"]>,
    options: CallOptions = {},
  ): Promise<MessageShape<M["output"]>> {
    const frame = this.#frame(encodeWire(method.input, request));
    const scope = this.#scope(options);
    try {
      for (let attempt = 0;; attempt++) {
        const { error, unprocessed, bytes } = await this.#exchange(method, frame, options, scope);
        if (unprocessed && attempt === 0) continue;
        if (error) throw error;
        if (!bytes) {
          throw new RpcError(GrpcStatus.INTERNAL, `${pathOf(method)} answered without a message`);
        }
        return decode(method, bytes);
      }
    } finally {
      scope.end();
    }
  }

  async #exchange(
    method: DescMethod,
    frame: Uint8Array,
    options: CallOptions,
    scope: CallScope,
  ): Promise<Outcome> {
    const session = await this.#connected(scope);
    let bytes: Uint8Array | undefined;
    return new Promise((resolve) => {
      const call = new ClientCall(session, this.#target.limits.maxMessageBytes, {
        message: (received) => bytes = received,
        end: (error, unprocessed) => resolve({ error, unprocessed, bytes }),
      });
      if (!call.start(this.#headers(method, options, scope))) {
        // Another call was faster to the last free place.
        if (session.usable) return resolve(this.#exchange(method, frame, options, scope));
        return resolve({ error: session.lost(), unprocessed: true, bytes });
      }
      call.writeLast(frame);
      scope.onCut((error) => call.cancel(error));
    });
  }

  stream<M extends DescMethod>(
    method: M,
    options: CallOptions = {},
  ): ClientStream<MessageShape<M["input"]>, MessageShape<M["output"]>> {
    const scope = this.#scope(options);
    return new StreamingCall<MessageShape<M["input"]>, MessageShape<M["output"]>>({
      encode: (message) => this.#frame(encodeWire(method.input, message)),
      decode: (bytes) => decode(method, bytes),
      scope,
      open: async (events) => {
        for (let attempt = 0;; attempt++) {
          const session = await this.#connected(scope);
          const call = new ClientCall(session, this.#target.limits.maxMessageBytes, events);
          if (call.start(this.#headers(method, options, scope))) return call;
          if (session.usable) attempt--;
          else if (attempt > 0) throw session.lost();
        }
      },
    });
  }

  /** A call's, until it has ended. */
  #scope(options: CallOptions): CallScope {
    const scope = new CallScope(options, () => this.#calls.delete(scope));
    this.#calls.add(scope);
    return scope;
  }

  #frame(message: Uint8Array): Uint8Array {
    const { maxMessageBytes } = this.#target.limits;
    if (message.length > maxMessageBytes) {
      throw new RpcError(
        GrpcStatus.RESOURCE_EXHAUSTED,
        `grpc: trying to send message larger than max (${message.length} vs. ${maxMessageBytes})`,
        { length: message.length, maxMessageBytes },
      );
    }
    return encodeFrame(message);
  }

  /** The request's headers, an HPACK block. */
  #headers(method: DescMethod, options: CallOptions, scope: CallScope): Uint8Array {
    let fixed = this.#fixedHeaders.get(method);
    if (fixed === undefined) {
      fixed = encodeHeaders([
        [":method", "POST"],
        [":scheme", this.#target.tls ? "https" : "http"],
        [":path", pathOf(method)],
        [":authority", this.address],
        ["content-type", "application/grpc"],
        ["te", "trailers"],
        ["user-agent", "denim"],
      ]);
      this.#fixedHeaders.set(method, fixed);
    }
    const more: [string, string][] = Object.entries(options.headers ?? {})
      .map(([name, value]) => [name.toLowerCase(), value]);
    const remaining = scope.remainingMs();
    if (remaining !== undefined) more.push(["grpc-timeout", formatTimeout(remaining)]);
    return more.length === 0 ? fixed : concat(fixed, encodeHeaders(more));
  }

  async #connected(scope: CallScope): Promise<ClientSession> {
    for (;;) {
      let session = this.#session;
      if (!session?.usable) {
        if (this.#closing.signal.aborted) throw clientClosed();
        this.#opening ??= this.#open();
        session = await scope.orCut(this.#opening);
      }
      if (session.free) return session;
      await scope.orCut(session.slot());
    }
  }

  async #open(): Promise<ClientSession> {
    try {
      this.#retire();
      const session = await openSession(this.#target, this.#closing.signal);
      this.#session = session;
      this.#sessions.add(session);
      void session.closed.then(() => this.#sessions.delete(session));
      return session;
    } finally {
      this.#opening = undefined;
    }
  }

  /** Lets the calls of a connection that takes no new ones end. */
  #retire(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.retire();
  }

  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) this.#closing.abort(clientClosed());
    await this.#opening?.catch(() => {});
    await Promise.all([...this.#sessions].map((session) => session.destroy()));
  }
}

interface Outcome {
  readonly error: RpcError | undefined;
  readonly unprocessed: boolean;
  readonly bytes: Uint8Array | undefined;
}

function clientClosed(): RpcError {
  return new RpcError(GrpcStatus.CANCELLED, "the client was closed");
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function decode<M extends DescMethod>(method: M, bytes: Uint8Array): MessageShape<M["output"]> {
  try {
    return decodeWire(method.output, bytes, { keepUnknown: true }) as MessageShape<M["output"]>;
  } catch (error) {
    throw new RpcError(
      GrpcStatus.INTERNAL,
      `${pathOf(method)}: the answer is not a ${method.output.typeName}: ${messageOf(error)}`,
    );
  }
}
