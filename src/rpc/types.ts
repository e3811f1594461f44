/** gRPC as handlers and callers see it; only rpc/ knows the transport. */
import type { DescMethod, DescService, MessageShape } from "@bufbuild/protobuf";

export interface CallContext {
  /** Full method, `/protos.Endorser/ProcessProposal`. */
  readonly method: string;
  readonly remoteAddress: string;
  /** DER of the verified TLS client certificate, where one was given. */
  readonly clientCertificate: Uint8Array | undefined;
  /** Aborts when the client cancels, disconnects or its grpc-timeout passes. */
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Absolute time in milliseconds, where the client set a timeout. */
  readonly deadline: number | undefined;
}

type Shape<M extends DescMethod, K extends "input" | "output"> = MessageShape<M[K]>;

type MethodHandler<M extends DescMethod> = M["methodKind"] extends "unary" ? (
    request: Shape<M, "input">,
    context: CallContext,
  ) => Promise<Shape<M, "output">> | Shape<M, "output">
  : M["methodKind"] extends "server_streaming" ? (
      request: Shape<M, "input">,
      context: CallContext,
    ) => AsyncIterable<Shape<M, "output">>
  : (
    requests: AsyncIterable<Shape<M, "input">>,
    context: CallContext,
  ) => AsyncIterable<Shape<M, "output">>;

/** One handler per method of a generated service; a missing one answers UNIMPLEMENTED. */
export type ServiceHandlers<S extends DescService> = {
  [K in keyof S["method"]]?: MethodHandler<S["method"][K]>;
};

/** TLS of a server. PEM texts. */
export interface ServerTls {
  readonly certificate: string;
  readonly key: string;
  /** Set: clients must show a certificate issued by one of these (mutual TLS). */
  readonly clientRootCertificates?: readonly string[];
  /** Ask for a client certificate but accept callers without one. */
  readonly requestClientCertificate?: boolean;
}

export interface RpcServer {
  /** host:port it listens on, with the real port. */
  readonly address: string;
  register<S extends DescService>(service: S, handlers: ServiceHandlers<S>): void;
  /**
   * From now on clients' certificates must come from one of these (PEM); open connections stay.
   * Without effect where clients need none.
   */
  trustClients(rootCertificates: readonly string[]): void;
  /**
   * Stops accepting, lets calls end for `graceMs`, then cuts them; streams, which may never end by
   * themselves, after `streamGraceMs` already.
   */
  close(graceMs: number, streamGraceMs?: number): Promise<void>;
}

/** TLS of a client. PEM texts. `onServerCertificate` is told the certificate (DER) of each connection. */
export interface ClientTls {
  readonly rootCertificates: readonly string[];
  readonly serverNameOverride?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly onServerCertificate?: (certificate: Uint8Array) => void;
}

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A duplex stream as the client sees it. */
export interface ClientStream<I, O> {
  /** Resolves when the message was handed to the transport. @throws RpcError when the stream has ended */
  send(message: I): Promise<void>;
  /** Half-close: no more messages from here. */
  closeSend(): void;
  /** Messages of the server; throws RpcError when the call ended with a status other than OK. */
  readonly responses: AsyncIterable<O>;
  cancel(): void;
}

export interface RpcClient {
  readonly address: string;
  /** No call is open. */
  readonly idle: boolean;
  unary<M extends DescMethod & { methodKind: "unary" }>(
    method: M,
    request: MessageShape<M["input"]>,
    options?: CallOptions,
  ): Promise<MessageShape<M["output"]>>;
  stream<M extends DescMethod>(
    method: M,
    options?: CallOptions,
  ): ClientStream<MessageShape<M["input"]>, MessageShape<M["output"]>>;
  /** Ends the connection and its calls (CANCELLED); resolves when it is gone. */
  close(): void | Promise<void>;
}
