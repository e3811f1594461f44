/**
 * gRPC server over HTTP/2, plain or TLS. Mirrors what core/comm/server.go of Fabric 1.4.2 offers
 * its services; the wire protocol is gRPC's own (PROTOCOL-HTTP2).
 */
import net, { type Socket } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import type { DescService } from "@bufbuild/protobuf";
import { Deferred, sleep } from "../base/async.ts";
import type { Logger } from "../base/logger.ts";
import { formatAddress, parseAddress, remoteAddressOf } from "./address.ts";
import { ArrivingSockets } from "./arriving-sockets.ts";
import { HandshakeLog } from "./handshake-log.ts";
import { Http2Connection } from "./http2/connection.ts";
import type { Headers } from "./http2/headers.ts";
import { encodeHeaders } from "./http2/hpack-encoder.ts";
import { Flusher } from "./http2/output.ts";
import type { Http2Stream } from "./http2/stream.ts";
import { keepAlive, probe } from "./keepalive.ts";
import { defaultServerLimits, type RpcLimits } from "./limits.ts";
import { listenError } from "./listen-error.ts";
import {
  type AnyHandler,
  type Connection,
  type RegisteredMethod,
  ServerCall,
} from "./server-call.ts";
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
  readonly #server: net.Server;
  readonly #flusher = new Flusher();
  readonly #services = new Set<string>();
  readonly #methods = new Map<string, RegisteredMethod>();
  readonly #connections = new Set<Http2Connection>();
  readonly #arriving: ArrivingSockets;
  readonly #calls = new Set<ServerCall>();
  #idle: Deferred<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultServerLimits, ...options.limits };
    this.#logger = options.logger;
    this.#arriving = new ArrivingSockets(this.#limits.handshakeTimeoutMs);
    this.#server = options.tls ? this.#secureServer(options.tls) : net.createServer((socket) => {
      this.#accept(socket, undefined);
    });
  }

  #secureServer(material: ServerTls): net.Server {
    const server = tls.createServer(serverTlsOptions(material));
    server.on("connection", (socket: Socket) => this.#arriving.add(socket));
    const handshakes = new HandshakeLog(this.#logger);
    server.on("tlsClientError", (error, socket) => handshakes.failed(error, socket));
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#arriving.arrived(remoteAddressOf(socket));
      const raw = socket.getPeerCertificate()?.raw;
      this.#accept(socket, raw ? new Uint8Array(raw) : undefined);
    });
    return server;
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

  #accept(socket: Socket, clientCertificate: Uint8Array | undefined): void {
    socket.setNoDelay(true);
    const remoteAddress = remoteAddressOf(socket);
    const silent = setTimeout(
      () => connection.destroy(new Error("the client says nothing")),
      this.#limits.handshakeTimeoutMs,
    );
    const connection = new Http2Connection(socket, {
      role: "server",
      limits: this.#limits,
      flusher: this.#flusher,
      events: {
        stream: (stream, headers) => this.#open(stream, headers, origin),
        settings: () => clearTimeout(silent),
        closed: (error) => {
          clearTimeout(silent);
          stopPings();
          if (error !== undefined) {
            this.#logger.debug("connection failed", { remoteAddress, error: error.message });
          }
          this.#options.metrics?.connectionClosed();
          this.#connections.delete(connection);
          this.#idle?.resolve();
        },
      },
    });
    const origin: Connection = {
      remoteAddress,
      clientCertificate,
      probe: () => probe(connection, this.#limits.keepaliveTimeoutMs),
    };
    this.#connections.add(connection);
    const stopPings = keepAlive(connection, this.#limits);
    this.#options.metrics?.connectionOpened();
    if (this.#closing) connection.close();
  }

  #open(stream: Http2Stream, headers: Headers, origin: Connection): void {
    const contentType = headers["content-type"];
    if (headers[":method"] !== "POST" || !contentType?.startsWith("application/grpc")) {
      const status = headers[":method"] === "POST" ? "415" : "405";
      return refuse(stream, [[":status", status]]);
    }
    const path = headers[":path"] ?? "";
    const registered = this.#methods.get(path);
    if (!registered) return this.#refuseMethod(stream, path);
    const call = new ServerCall(
      stream,
      headers,
      registered,
      origin,
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

  #refuseMethod(stream: Http2Stream, path: string): void {
    const service = path.slice(1, path.lastIndexOf("/"));
    const message = this.#services.has(service)
      ? `unknown method ${path.slice(path.lastIndexOf("/") + 1)} for service ${service}`
      : `unknown service ${service}`;
    refuse(stream, [
      [":status", "200"],
      ["content-type", "application/grpc"],
      ["grpc-status", String(GrpcStatus.UNIMPLEMENTED)],
      ["grpc-message", encodeStatusMessage(message)],
    ]);
  }

  trustClients(rootCertificates: readonly string[]): void {
    const { tls } = this.#options;
    if (!tls?.clientRootCertificates) return;
    const secure = this.#server as tls.Server;
    secure.setSecureContext(serverTlsOptions({ ...tls, clientRootCertificates: rootCertificates }));
  }

  close(graceMs: number, streamGraceMs = graceMs): Promise<void> {
    return this.#closing ??= this.#close(graceMs, streamGraceMs);
  }

  async #close(graceMs: number, streamGraceMs: number): Promise<void> {
    const closed = new Deferred<void>();
    this.#server.close(() => closed.resolve());
    this.#arriving.destroy();
    for (const connection of [...this.#connections]) connection.close();
    const closing = new RpcError(GrpcStatus.UNAVAILABLE, "the server is shutting down");
    const cut = (which: (call: ServerCall) => boolean) => {
      for (const call of [...this.#calls]) if (which(call)) call.cut(closing);
    };
    await this.#quiet(() => this.#calls.size === 0, Math.min(streamGraceMs, graceMs));
    cut((call) => call.streaming);
    await this.#quiet(() => this.#calls.size === 0, graceMs - streamGraceMs);
    cut(() => true);
    // A moment for the last trailers, then the connections go.
    await this.#quiet(() => this.#connections.size === 0, lastTrailersMs);
    for (const connection of [...this.#connections]) connection.destroy();
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

/** Answers at once, whatever else the request has to say. */
function refuse(stream: Http2Stream, headers: readonly (readonly [string, string])[]): void {
  stream.events = { data: () => {}, end: () => {}, closed: () => {} };
  stream.sendHeaders(encodeHeaders(headers), true);
}

/** Time that cut calls have to tell their clients why. */
const lastTrailersMs = 200;
