/** One HTTP/2 connection of a client: made with a deadline, watched, and explained when it fails. */
import net from "node:net";
import tls from "node:tls";
import { Deferred } from "../base/async.ts";
import { parseAddress } from "./address.ts";
import { Http2Connection } from "./http2/connection.ts";
import { ConnectionError } from "./http2/protocol.ts";
import type { Http2Stream, StreamEvents } from "./http2/stream.ts";
import { keepAlive } from "./keepalive.ts";
import type { RpcLimits } from "./limits.ts";
import { GrpcStatus, RpcError } from "./status.ts";
import { clientTlsOptions, type ConnectFailure, explainConnectError } from "./tls.ts";
import type { ClientTls } from "./types.ts";

export interface SessionTarget {
  readonly address: string;
  readonly tls?: ClientTls;
  readonly connectTimeoutMs: number;
  readonly limits: RpcLimits;
}

/** A connection that was established; `usable` turns false when new calls need another one. */
export class ClientSession {
  usable = true;
  readonly closed: Promise<void>;
  readonly #connection: Http2Connection;
  readonly #slotWaiters: (() => void)[] = [];
  #heard = false;

  constructor(socket: net.Socket, readonly target: SessionTarget) {
    const closed = new Deferred<void>();
    this.closed = closed.promise;
    this.#connection = new Http2Connection(socket, {
      role: "client",
      limits: target.limits,
      events: {
        settings: () => this.#heard = true,
        goaway: () => this.#retired(),
        // All of them: the first in line may have given up meanwhile.
        slot: () => this.#wakeWaiting(),
        closed: () => {
          this.#retired();
          stop();
          closed.resolve();
        },
      },
    });
    const stop = keepAlive(this.#connection, target.limits);
  }

  #retired(): void {
    this.usable = false;
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    for (const wake of this.#slotWaiters.splice(0)) wake();
  }

  /** Whether the server takes one more call now. */
  get free(): boolean {
    return this.#connection.freeStreams > 0;
  }

  /** Resolves when the server takes one more call, or the session none any more. */
  async slot(): Promise<void> {
    if (this.#connection.closed) return this.#retired();
    await new Promise<void>((resolve) => this.#slotWaiters.push(resolve));
  }

  /** A new stream, or undefined where the connection takes no more of them. */
  request(headers: Uint8Array, events: StreamEvents): Http2Stream | undefined {
    if (!this.usable || !this.free) return undefined;
    return this.#connection.request(headers, events);
  }

  /** The error for a call whose stream ended without a status. */
  lost(): RpcError {
    const { address } = this.target;
    const { failure } = this.#connection;
    const cut = failure === undefined || isCut(failure);
    if (cut && !this.#heard && this.target.tls === undefined) {
      return unavailable(address, {
        reason: "connection closed before the call had ended",
        hint: "It never spoke gRPC: does it expect TLS (--tls and --cafile for an orderer, " +
          "CORE_PEER_TLS_ENABLED=true for a peer)?",
        spoke: false,
      }, failure);
    }
    if (failure === undefined) {
      if (this.#heard) {
        return unavailable(address, { reason: "connection closed before the call had ended" });
      }
      return unavailable(address, {
        reason: "the server closed the connection right after the TLS handshake",
        hint: "It probably refused the TLS client certificate.",
      });
    }
    if (failure instanceof ConnectionError) {
      return unavailable(address, protocolFailure(failure, this.#heard), failure);
    }
    return unavailable(address, explainConnectError(failure), failure);
  }

  /** Takes no new calls; ends after the last one. */
  retire(): void {
    this.usable = false;
    this.#connection.close();
  }

  /** Ends the connection and all its calls. */
  async destroy(): Promise<void> {
    this.usable = false;
    this.#connection.destroy();
    await this.closed;
  }
}

/** The other side hung up, whether our last bytes had arrived or not. */
function isCut(failure: Error): boolean {
  const code = "code" in failure ? failure.code : undefined;
  return code === "ECONNRESET" || code === "EPIPE";
}

function protocolFailure({ message }: ConnectionError, heard: boolean): ConnectFailure {
  if (heard) return { reason: `HTTP/2: ${message}` };
  return {
    reason: "the server does not speak HTTP/2 as gRPC needs it",
    hint: "Is TLS on at the server and off here, or is this another service's port?",
  };
}

function unavailable(
  address: string,
  failure: ConnectFailure & { readonly spoke?: boolean },
  cause?: unknown,
): RpcError {
  return new RpcError(
    GrpcStatus.UNAVAILABLE,
    `connection to ${address}: ${failure.reason}`,
    failure.spoke === undefined ? { address } : { address, spoke: failure.spoke },
    failure.hint,
    { cause },
  );
}

/**
 * Connects, including the TLS handshake.
 * @throws RpcError UNAVAILABLE with the reason; DenimError `bad-address`, `bad-tls-material`
 */
export async function openSession(
  target: SessionTarget,
  signal: AbortSignal,
): Promise<ClientSession> {
  const { host, port } = parseAddress(target.address);
  const socket = target.tls
    ? tls.connect({ host, port, ...clientTlsOptions(target.tls, host) })
    : net.connect({ host, port });
  const connected = new Deferred<void>();
  const ready = target.tls ? "secureConnect" : "connect";
  const timer = setTimeout(
    () =>
      connected.reject(
        unavailable(target.address, {
          reason: `no connection within ${target.connectTimeoutMs} ms`,
          hint: "Is the address right, and does no firewall drop the packets?",
        }),
      ),
    target.connectTimeoutMs,
  );
  const aborted = () => connected.reject(signal.reason);
  const failed = (error: unknown) =>
    connected.reject(unavailable(target.address, explainConnectError(error), error));
  signal.addEventListener("abort", aborted, { once: true });
  if (signal.aborted) aborted();
  socket.once(ready, () => connected.resolve());
  socket.on("error", failed);
  const cut = () => failed({ code: "ECONNRESET" });
  socket.once("close", cut);
  try {
    await connected.promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", aborted);
  }
  if (target.tls?.onServerCertificate) {
    const { raw } = (socket as tls.TLSSocket).getPeerCertificate();
    if (raw) target.tls.onServerCertificate(new Uint8Array(raw));
  }
  socket.setNoDelay(true);
  socket.off("close", cut);
  socket.off("error", failed);
  return new ClientSession(socket, target);
}
