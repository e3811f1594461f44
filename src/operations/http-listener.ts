/** The HTTP(S) server behind the operations listener. Mirrors core/operations/system.go and core/middleware. */
import { Buffer } from "node:buffer";
import { createPrivateKey, randomUUID, X509Certificate } from "node:crypto";
import http from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Deferred, sleep } from "../base/async.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { formatAddress, parseAddress } from "../rpc/address.ts";
import { listenError } from "../rpc/listen-error.ts";

export interface HttpRequest {
  readonly method: string;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType?: string;
  readonly body?: string;
}

export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

export interface HttpRoute {
  readonly handle: HttpHandler;
  /** Where the listener has TLS: only with a client certificate. */
  readonly secure: boolean;
}

/** PEM texts. */
export interface HttpTls {
  readonly certificate: string;
  readonly key: string;
  /** Issuers of client certificates. */
  readonly clientRootCertificates: readonly string[];
  /** Without a client certificate there is no connection at all. */
  readonly clientAuthRequired: boolean;
}

export interface HttpLimits {
  /** A request must be here within this after its connection, or the answer before it. */
  readonly readTimeoutMs: number;
  /** An answer must be written within this. */
  readonly writeTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
}

export const defaultHttpLimits: HttpLimits = {
  readTimeoutMs: 10_000,
  writeTimeoutMs: 120_000,
  maxBodyBytes: 64 * 1024,
  maxConnections: 200,
};

/** Answers under way may take so long when the listener ends. */
const closeGraceMs = 500;

export interface HttpListenerOptions {
  /** host:port; port 0 takes a free one, an empty host all interfaces. */
  readonly listenAddress: string;
  readonly tls?: HttpTls;
  /** By path. */
  readonly routes: ReadonlyMap<string, HttpRoute>;
  readonly limits?: Partial<HttpLimits>;
  readonly logger: Logger;
}

export class HttpListener {
  #address = "";
  readonly #limits: HttpLimits;
  readonly #server: http.Server | https.Server;
  /** Open connections, each with the timer of what it waits for. */
  readonly #connections = new Map<Socket, ReturnType<typeof setTimeout> | undefined>();
  #answering = 0;

  private constructor(private readonly options: HttpListenerOptions) {
    const { tls, logger } = options;
    this.#limits = { ...defaultHttpLimits, ...options.limits };
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      void this.#answer(request, response);
    if (tls === undefined) {
      this.#server = http.createServer(answer);
      this.#server.on("connection", (socket) => this.#accept(socket));
    } else {
      this.#server = https.createServer({
        cert: tls.certificate,
        key: tls.key,
        ca: [...tls.clientRootCertificates],
        requestCert: true,
        rejectUnauthorized: tls.clientAuthRequired,
        handshakeTimeout: this.#limits.readTimeoutMs,
      }, answer);
      this.#server.on("secureConnection", (socket) => this.#accept(socket));
      this.#server.on("tlsClientError", (error: Error) => {
        logger.debug("TLS handshake failed", { error: error.message });
      });
    }
    this.#server.on("clientError", (error: Error, socket: Socket) => {
      logger.debug("bad request", { error: error.message });
      socket.destroy();
    });
  }

  /** @throws DenimError `address-in-use`, `address-not-available`, `listen-failed`, `bad-address`, `bad-tls-material` */
  static async start(options: HttpListenerOptions): Promise<HttpListener> {
    const { host, port } = parseAddress(options.listenAddress);
    if (options.tls) requireUsable(options.tls);
    const listener = new HttpListener(options);
    const server = listener.#server;
    const listening = new Deferred<void>();
    const failed = (error: Error) => listening.reject(listenError(options.listenAddress, error));
    server.once("error", failed);
    server.listen({ port, host: host === "" ? undefined : host }, () => listening.resolve());
    await listening.promise;
    server.off("error", failed);
    server.on("error", (error: Error) => {
      options.logger.error("operations listener failed", { error: error.message });
    });
    const bound = server.address();
    const realPort = typeof bound === "object" && bound ? bound.port : port;
    listener.#address = formatAddress(host === "" ? "0.0.0.0" : host, realPort);
    return listener;
  }

  /** host:port it listens on, with the real port. */
  get address(): string {
    return this.#address;
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#limits.maxConnections) return void socket.destroy();
    // A certificate may be left out; one that does not hold is not the same as none.
    if (this.options.tls && certificateOf(socket) === "refused") return void socket.destroy();
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(this.#connections.get(socket));
      this.#connections.delete(socket);
    });
    this.#expect(socket, this.#limits.readTimeoutMs);
  }

  /** Gives a connection so long for what it does next. */
  #expect(socket: Socket, ms: number): void {
    clearTimeout(this.#connections.get(socket));
    this.#connections.set(socket, setTimeout(() => socket.destroy(), ms));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    response.on("error", () => {});
    this.#answering++;
    try {
      const answer = await this.#answerOf(request, response);
      this.#expect(socket, this.#limits.writeTimeoutMs);
      const body = request.method === "HEAD" ? undefined : answer.body;
      if (answer.contentType !== undefined) response.setHeader("Content-Type", answer.contentType);
      if (answer.status !== 204) {
        response.setHeader("Content-Length", Buffer.byteLength(answer.body ?? ""));
      }
      response.writeHead(answer.status);
      response.end(body, () => {
        if (!socket.destroyed) this.#expect(socket, this.#limits.readTimeoutMs);
      });
    } catch (error) {
      this.options.logger.error("an operations request failed", {
        path: request.url,
        error: messageOf(error),
      });
      socket.destroy();
    } finally {
      this.#answering--;
    }
  }

  async #answerOf(request: IncomingMessage, response: ServerResponse): Promise<HttpAnswer> {
    const path = (request.url ?? "").replace(/[?#].*$/, "");
    const route = this.options.routes.get(path);
    if (route === undefined) {
      response.setHeader("X-Content-Type-Options", "nosniff");
      const contentType = "text/plain; charset=utf-8";
      return { status: 404, contentType, body: "404 page not found\n" };
    }
    if (route.secure && this.options.tls && certificateOf(request.socket) !== "verified") {
      return { status: 401 };
    }
    const given = request.headers["x-request-id"];
    response.setHeader("X-Request-Id", typeof given === "string" ? given : randomUUID());
    const body = await this.#bodyOf(request);
    if (body === undefined) {
      response.setHeader("Connection", "close");
      return { status: 413 };
    }
    return await route.handle({ method: request.method ?? "GET", body });
  }

  /** undefined where it is too long. @throws where the connection breaks */
  async #bodyOf(request: IncomingMessage): Promise<string | undefined> {
    const decoder = new TextDecoder();
    let body = "";
    let bytes = 0;
    for await (const chunk of request) {
      bytes += chunk.length;
      if (bytes > this.#limits.maxBodyBytes) return undefined;
      body += decoder.decode(chunk, { stream: true });
    }
    return body + decoder.decode();
  }

  /** Ends the listener and its connections. */
  async close(): Promise<void> {
    const closed = new Deferred<void>();
    this.#server.close(() => closed.resolve());
    for (let waitedMs = 0; this.#answering > 0 && waitedMs < closeGraceMs; waitedMs += 10) {
      await sleep(10);
    }
    for (const socket of [...this.#connections.keys()]) socket.destroy();
    await closed.promise;
  }
}

/** The platform would listen with any text, and refuse every client. @throws DenimError `bad-tls-material` */
function requireUsable({ certificate, key }: HttpTls): void {
  const unusable = (reason: string, cause?: unknown) =>
    new DenimError(
      "bad-tls-material",
      `operations.tls cannot be used: ${reason}`,
      {},
      "operations.tls.cert.file and operations.tls.key.file must be PEM and belong together",
      { cause },
    );
  let belongTogether: boolean;
  try {
    belongTogether = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw unusable(messageOf(error), error);
  }
  if (!belongTogether) throw unusable("the key is not the certificate's");
}

/** Of a TLS connection: did the client show a certificate, and does it hold? */
function certificateOf(socket: Socket): "none" | "verified" | "refused" {
  const { authorized, getPeerCertificate } = socket as TLSSocket;
  if (typeof getPeerCertificate !== "function") return "none";
  if ((socket as TLSSocket).getPeerCertificate()?.raw === undefined) return "none";
  return authorized ? "verified" : "refused";
}
