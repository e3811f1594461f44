/** The gRPC service that chaincode dials: `protos.ChaincodeSupport/Register`. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ChaincodeMessage, ChaincodeSupport } from "../gen/peer/chaincode_shim_pb.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";
import type { Authenticator } from "./authenticator.ts";
import { Handler } from "./handler.ts";
import type { HandlerRegistry } from "./handler-registry.ts";
import { Outbox } from "./outbox.ts";
import type { ShimServices } from "./shim-call.ts";
import { wrapError } from "./wrap-error.ts";

export interface RegisterServiceOptions {
  readonly registry: HandlerRegistry;
  readonly services: ShimServices;
  /** Undefined when chaincode TLS is off: names are taken as claimed then, as in Fabric. */
  readonly authenticator: Authenticator | undefined;
  /** Interval of KEEPALIVE messages in milliseconds; 0 = none. */
  readonly keepaliveMs: number;
  readonly logger: Logger;
  /** Called when the stream of a registered chaincode has ended. */
  onClosed(handler: Handler): void;
}

type StreamContext = Pick<CallContext, "clientCertificate">;

/** Handlers for `RpcServer.register(ChaincodeSupport, …)`. */
export function registerService(
  options: RegisterServiceOptions,
): ServiceHandlers<typeof ChaincodeSupport> {
  return { register: (requests, context) => serveStream(requests, context, options) };
}

/**
 * One stream from first to last message. Mirrors ProcessStream of core/chaincode/handler.go. The
 * returned messages end when the chaincode has ended its side.
 *
 * @throws DenimError where the chaincode broke the protocol; only its own stream ends
 */
export async function* serveStream(
  requests: AsyncIterable<ChaincodeMessage>,
  context: StreamContext,
  options: RegisterServiceOptions,
): AsyncGenerator<ChaincodeMessage, void, undefined> {
  const outbox = new Outbox();
  const handler = new Handler(outbox, options.registry, options.services, options.logger);
  const keepalive = options.keepaliveMs > 0
    ? setInterval(() => handler.keepalive(), options.keepaliveMs)
    : undefined;
  const close = () => {
    clearInterval(keepalive);
    if (handler.state === "closed") return;
    const wasReady = handler.state === "ready";
    handler.close();
    if (wasReady) options.onClosed(handler);
  };
  const ended = (error?: unknown) => {
    if (error !== undefined) {
      options.logger.warn(`chaincode stream ended: ${messageOf(error)}`, {
        instance: handler.instance,
      });
      outbox.end(error);
    }
    close();
  };

  void readRequests(requests, context, handler, outbox, options.authenticator).then(
    () => ended(),
    ended,
  );
  try {
    yield* outbox;
  } finally {
    close();
  }
}

async function readRequests(
  requests: AsyncIterable<ChaincodeMessage>,
  context: StreamContext,
  handler: Handler,
  outbox: Outbox,
  authenticator: Authenticator | undefined,
): Promise<void> {
  let first = true;
  for await (const message of requests) {
    if (handler.state === "closed") return;
    if (first) authenticator?.authenticate(message, context.clientCertificate);
    first = false;
    try {
      handler.handle(message);
    } catch (error) {
      throw wrapError("error handling message, ending stream", error);
    }
    await outbox.room();
  }
}
