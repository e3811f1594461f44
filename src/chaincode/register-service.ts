/** The gRPC service that chaincode dials: `protos.ChaincodeSupport/Register`. */
import { fromBinary } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { ChaincodeIDSchema } from "../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type,
  type ChaincodeSupport,
} from "../gen/peer/chaincode_shim_pb.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";
import type { Authenticator } from "./authenticator.ts";
import { Handler } from "./handler.ts";
import type { HandlerRegistry } from "./handler-registry.ts";
import type { ChaincodeMetrics } from "./metrics.ts";
import { Outbox } from "./outbox.ts";
import type { ShimServices } from "./shim-call.ts";
import { wrapError } from "./wrap-error.ts";

export interface RegisterServiceOptions {
  readonly registry: HandlerRegistry;
  readonly services: ShimServices;
  /** Undefined when chaincode TLS is off: names are taken as claimed then, as in Fabric. */
  readonly authenticator: Pick<Authenticator, "authenticate"> | undefined;
  /** Interval of KEEPALIVE messages in milliseconds; 0 = none. */
  readonly keepaliveMs: number;
  /** Default: nothing is counted. */
  readonly metrics?: ChaincodeMetrics;
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
 * The stream of a chaincode that the peer has dialled: there is no certificate to tell who it is, but
 * it may only be the one that was dialled.
 */
export function serveDialled(
  instance: string,
  messages: AsyncIterable<ChaincodeMessage>,
  options: RegisterServiceOptions,
): AsyncIterable<ChaincodeMessage> {
  const authenticate = (message: ChaincodeMessage) => {
    const name = registeredNameOf(message);
    if (name === instance) return;
    throw new DenimError(
      "wrong-chaincode",
      `the chaincode service registers as ${name ?? "nothing"}, but ${instance} was dialled`,
      { instance, name },
      `Start the service with the chaincode id ${instance}.`,
    );
  };
  const context = { clientCertificate: undefined };
  return serveStream(messages, context, { ...options, authenticator: { authenticate } });
}

function registeredNameOf({ type, payload }: ChaincodeMessage): string | undefined {
  if (type !== ChaincodeMessage_Type.REGISTER) return undefined;
  try {
    return fromBinary(ChaincodeIDSchema, payload).name;
  } catch {
    return undefined;
  }
}

/** The messages for one chaincode. No generator, which would cost some promises for each. */
interface ChaincodeStream extends AsyncIterableIterator<ChaincodeMessage> {
  /** Nobody reads them any more: the stream is over. */
  return(): Promise<IteratorResult<ChaincodeMessage>>;
}

/**
 * One stream from first to last message. Mirrors ProcessStream of core/chaincode/handler.go. The
 * returned messages end when the chaincode has ended its side.
 * They throw a DenimError where the chaincode broke the protocol; only its own stream ends.
 */
export function serveStream(
  requests: AsyncIterable<ChaincodeMessage>,
  context: StreamContext,
  options: RegisterServiceOptions,
): ChaincodeStream {
  const outbox = new Outbox();
  const { registry, services, logger, metrics } = options;
  const handler = new Handler(outbox, registry, services, logger, metrics);
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
  const answers = outbox[Symbol.asyncIterator]();
  return {
    next: () => answers.next(),
    return: () => {
      close();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function readRequests(
  requests: AsyncIterable<ChaincodeMessage>,
  context: StreamContext,
  handler: Handler,
  outbox: Outbox,
  authenticator: Pick<Authenticator, "authenticate"> | undefined,
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
