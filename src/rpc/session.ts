/** One HTTP/2 connection of a client: made with a deadline, watched, and explained when it fails. */
import http2 from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import net from "node:net";
import tls from "node:tls";
import { Deferred } from "../base/async.ts";
import { parseAddress } from "./address.ts";
import { coalesceWrites } from "./coalesced-writes.ts";
import { deferDestroy } from "./deferred-destroy.ts";
import { keepAlive } from "./keepalive.ts";
import { maxSessionMegabytes, type RpcLimits } from "./limits.ts";
import { letGo } from "./raw-sockets.ts";
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
  #failure: unknown;
  #heard = false;

  constructor(
    readonly http2: ClientHttp2Session,
    readonly target: SessionTarget,
    socket: net.Socket,
  ) {
    const closed = new Deferred<void>();
    this.closed = closed.promise;
    const failed = (error: unknown) => {
      this.usable = false;
      this.#failure ??= error;
    };
    deferDestroy(http2, (error) => {
      this.usable = false;
      if (error !== undefined) failed(error);
      letGo(socket);
    });
    socket.on("error", failed);
    socket.on("close", () => this.usable = false);
    http2.on("error", failed);
    http2.on("goaway", () => this.usable = false);
    http2.on("remoteSettings", () => this.#heard = true);
    const stop = keepAlive(http2, target.limits);
    http2.on("close", () => {
      this.usable = false;
      stop();
      closed.resolve();
    });
    http2.setLocalWindowSize?.(target.limits.connectionWindowBytes);
  }

  /** The error for a call whose stream ended without a status. */
  lost(streamFailure?: unknown): RpcError {
    const { address } = this.target;
    const failure = this.#failure ?? streamFailure;
    if (failure === undefined && !this.#heard && this.target.tls) {
      return unavailable(address, {
        reason: "the server closed the connection right after the TLS handshake",
        hint: "It probably refused the TLS client certificate.",
      });
    }
    if (failure === undefined) {
      const reason = "connection closed before the call had ended";
      if (this.#heard || this.target.tls) return unavailable(address, { reason });
      return unavailable(address, {
        reason,
        hint: "It never spoke gRPC: does it expect TLS (--tls and --cafile for an orderer, " +
          "CORE_PEER_TLS_ENABLED=true for a peer)?",
        spoke: false,
      });
    }
    return unavailable(address, explainConnectError(failure), failure);
  }

  /** Ends the connection and all its calls. */
  async destroy(): Promise<void> {
    this.usable = false;
    this.http2.destroy();
    await this.closed;
  }
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
  const scheme = target.tls ? "https" : "http";
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
  socket.once("close", () => failed({ code: "ECONNRESET" }));
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
  coalesceWrites(socket);
  const session = http2.connect(`${scheme}://${target.address}`, {
    createConnection: () => socket,
    settings: {
      initialWindowSize: target.limits.streamWindowBytes,
      maxFrameSize: target.limits.maxFrameBytes,
      enablePush: false,
    },
    peerMaxConcurrentStreams: target.limits.maxConcurrentStreams,
    maxSessionMemory: maxSessionMegabytes,
  });
  return new ClientSession(session, target, socket);
}
