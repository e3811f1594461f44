/**
 * gRPC server over HTTP/2, plain or TLS. Mirrors what core/comm/server.go of Fabric 1.4.2 offers
 * its services; the wire protocol is gRPC's own (PROTOCOL-HTTP2).
 */
import http2 from "node:http2";
import type { Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import type {
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import { Deferred, sleep } from "../base/async.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { coalesceWrites } from "./coalesced-writes.ts";
import { deferDestroy } from "./deferred-destroy.ts";
import { HandshakeLog } from "./handshake-log.ts";
import { keepAlive } from "./keepalive.ts";
import { defaultServerLimits, maxSessionMegabytes, type RpcLimits } from "./limits.ts";
import { listenError } from "./listen-error.ts";
import {
  type AnyHandler,
  type Connection,
  type RegisteredMethod,
  ServerCall,
  stopReading,
} from "./server-call.ts";
import { addressOf, RawSockets } from "./raw-sockets.ts";
import type { ServerMetrics } from "./server-metrics.ts";
import { encodeStatusMessage, GrpcStatus, RpcError } from "./status.ts";
import { serverTlsOptions } from "./tls.ts";
import type { RpcServer, ServerTls, ServiceHandlers } from "./types.ts";

export interface RpcServerOptions {
  /** `host:port`; port 0 takes a free one, an empty host all interfaces. */
  readonly listen: string;
  /** Unset: plain text. */
  readonly tls?: ServerTls;
  /** Overrides of `defaultServerLimits`. */
  readonly limits?: Partial<RpcLimits>;
  /** Default: nothing is counted. */
  readonly metrics?: ServerMetrics;
  readonly logger: Logger;
}

/**
 * Starts to listen. Services may be registered before and after.
 * @throws DenimError `address-in-use`, `address-not-available`, `listen-failed`, `bad-address`, `bad-tls-material`
 */
export async function createRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const server = new Http2RpcServer(options);
  await server.listen();
  return server;
}

class Http2RpcServer implements RpcServer {
  #address = "";
  readonly #options: RpcServerOptions;
  readonly #limits: RpcLimits;
  readonly #logger: Logger;
  readonly #server: Http2Server;
  readonly #services = new Set<string>();
  readonly #methods = new Map<string, RegisteredMethod>();
  readonly #sessions = new Map<ServerHttp2Session, Connection>();
  readonly #calls = new Set<ServerCall>();
  readonly #sockets = new RawSockets();
  #idle: Deferred<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultServerLimits, ...options.limits };
    this.#logger = options.logger;
    const settings = {
      settings: {
        initialWindowSize: this.#limits.streamWindowBytes,
        maxConcurrentStreams: this.#limits.maxConcurrentStreams,
        maxFrameSize: this.#limits.maxFrameBytes,
        enablePush: false,
      },
      maxSessionMemory: maxSessionMegabytes,
    };
    if (options.tls) {
      const secure = http2.createSecureServer({
        ...settings,
        ...serverTlsOptions(options.tls),
        handshakeTimeout: this.#limits.handshakeTimeoutMs,
        allowHTTP1: false,
      });
      const handshakes = new HandshakeLog(this.#logger);
      secure.on("tlsClientError", (error, socket) => handshakes.failed(error, socket));
      secure.on("secureConnection", (socket) => this.#adopt(socket));
      this.#server = secure as unknown as Http2Server;
    } else {
      this.#server = http2.createServer(settings);
      this.#server.on("connection", (socket) => this.#adopt(socket));
    }
    this.#server.on("session", (session) => this.#accept(session));
    this.#server.on("sessionError", (error: Error) => {
      this.#logger.debug("connection failed", { error: error.message });
    });
    this.#server.on(
      "stream",
      (stream, headers) => this.#open(stream as ServerHttp2Stream, headers),
    );
  }

  get address(): string {
    return this.#address;
  }

  async listen(): Promise<void> {
    const { host, port } = parseAddress(this.#options.listen);
    const listening = new Deferred<void>();
    const failed = (error: Error) => listening.reject(listenError(this.#options.listen, error));
    this.#server.once("error", failed);
    this.#server.listen({ port, host: host === "" ? undefined : host }, () => listening.resolve());
    await listening.promise;
    this.#server.off("error", failed);
    this.#server.on("error", (error: Error) => {
      this.#logger.error("gRPC listener failed", { address: this.#address, error: error.message });
    });
    const bound = this.#server.address();
    const realPort = typeof bound === "object" && bound ? bound.port : port;
    this.#address = formatAddress(host === "" ? "0.0.0.0" : host, realPort);
  }

  register<S extends DescService>(service: S, handlers: ServiceHandlers<S>): void {
    this.#services.add(service.typeName);
    for (const [name, method] of Object.entries(service.method)) {
      const path = `/${service.typeName}/${method.name}`;
      const handler = (handlers as Record<string, AnyHandler | undefined>)[name];
      const metrics = this.#options.metrics?.call(path, method.methodKind !== "unary");
      this.#methods.set(path, { path, method, handler: handler?.bind(handlers), metrics });
    }
  }

  #adopt(socket: Socket): void {
    coalesceWrites(socket);
    this.#sockets.add(socket);
  }

  #accept(session: ServerHttp2Session): void {
    const socket = session.socket as unknown as {
      remoteAddress?: string;
      remotePort?: number;
      getPeerCertificate?(): { raw?: Uint8Array } | null;
    };
    const remoteAddress = addressOf(socket);
    deferDestroy(session, () => this.#sockets.sessionEnded(remoteAddress));
    const raw = this.#options.tls ? socket.getPeerCertificate?.()?.raw : undefined;
    this.#sessions.set(session, {
      remoteAddress,
      clientCertificate: raw ? new Uint8Array(raw) : undefined,
    });
    session.setLocalWindowSize?.(this.#limits.connectionWindowBytes);
    session.on("error", (error: Error) => {
      this.#logger.debug("connection failed", { error: messageOf(error) });
    });
    const stop = keepAlive(session, this.#limits);
    this.#options.metrics?.connectionOpened();
    session.on("close", () => {
      stop();
      this.#options.metrics?.connectionClosed();
      this.#sessions.delete(session);
      this.#idle?.resolve();
    });
    if (this.#closing) session.close();
  }

  #open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const contentType = headers["content-type"];
    if (headers[":method"] !== "POST" || !contentType?.startsWith("application/grpc")) {
      stream.on("error", () => {});
      stream.respond({ ":status": headers[":method"] === "POST" ? 415 : 405 }, { endStream: true });
      stopReading(stream);
      return;
    }
    const path = headers[":path"] ?? "";
    const registered = this.#methods.get(path);
    if (!registered) return this.#refuse(stream, path);
    const connection = stream.session
      ? this.#sessions.get(stream.session as ServerHttp2Session)
      : undefined;
    const call = new ServerCall(
      stream,
      headers,
      registered,
      connection ?? { remoteAddress: "", clientCertificate: undefined },
      this.#limits,
      this.#logger,
      () => {
        this.#calls.delete(call);
        if (this.#closing && this.#calls.size === 0) this.#idle?.resolve();
      },
    );
    this.#calls.add(call);
    call.start();
  }

  #refuse(stream: ServerHttp2Stream, path: string): void {
    const service = path.slice(1, path.lastIndexOf("/"));
    const message = this.#services.has(service)
      ? `unknown method ${path.slice(path.lastIndexOf("/") + 1)} for service ${service}`
      : `unknown service ${service}`;
    stream.on("error", () => {});
    stream.respond({
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": String(GrpcStatus.UNIMPLEMENTED),
      "grpc-message": encodeStatusMessage(message),
    }, { endStream: true });
    stopReading(stream);
  }

  trustClients(rootCertificates: readonly string[]): void {
    const { tls } = this.#options;
    if (!tls?.clientRootCertificates) return;
    const secure = this.#server as unknown as Pick<TlsServer, "setSecureContext">;
    secure.setSecureContext(serverTlsOptions({ ...tls, clientRootCertificates: rootCertificates }));
  }

  close(graceMs: number, streamGraceMs = graceMs): Promise<void> {
    return this.#closing ??= this.#close(graceMs, streamGraceMs);
  }

  async #close(graceMs: number, streamGraceMs: number): Promise<void> {
    const closed = new Deferred<void>();
    this.#server.close(() => closed.resolve());
    for (const session of this.#sessions.keys()) if (!session.closed) session.close();
    const closing = new RpcError(GrpcStatus.UNAVAILABLE, "the server is shutting down");
    const cut = (which: (call: ServerCall) => boolean) => {
      for (const call of [...this.#calls]) if (which(call)) call.cut(closing);
    };
    await this.#quiet(() => this.#calls.size === 0, Math.min(streamGraceMs, graceMs));
    cut((call) => call.streaming);
    await this.#quiet(() => this.#calls.size === 0, graceMs - streamGraceMs);
    cut(() => true);
    // A moment for the last trailers, then the connections go.
    await this.#quiet(() => this.#sessions.size === 0, lastTrailersMs);
    for (const session of [...this.#sessions.keys()]) session.destroy();
    await closed.promise;
  }

  /** Waits until `done` holds, at most `ms`; woken by the ends of calls and connections. */
  async #quiet(done: () => boolean, ms: number): Promise<void> {
    const giveUp = new AbortController();
    const deadline = sleep(ms, giveUp.signal).then(() => "late" as const);
    while (!done()) {
      this.#idle = new Deferred<void>();
      if (await Promise.race([this.#idle.promise, deadline]) === "late") break;
    }
    giveUp.abort();
    await deadline;
  }
}

/** Time that cut calls have to tell their clients why. */
const lastTrailersMs = 200;
