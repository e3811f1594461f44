/** The Broadcast stream: one response for every message. Mirrors orderer/common/broadcast. */
import { create } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type Envelope, Status } from "../gen/common/common_pb.ts";
import { type BroadcastResponse, BroadcastResponseSchema } from "../gen/orderer/ab_pb.ts";
import type { CallContext } from "../rpc/types.ts";
import { statusOf } from "./orderer-error.ts";
import type { Registrar } from "./registrar.ts";

export class BroadcastHandler {
  readonly #logger: Logger;

  constructor(readonly registrar: Registrar, logger: Logger) {
    this.#logger = logger.named("orderer.common.broadcast");
  }

  /** Answers each message; a refusal ends the stream. */
  async *handle(
    messages: AsyncIterable<Envelope>,
    context: CallContext,
  ): AsyncGenerator<BroadcastResponse> {
    for await (const message of messages) {
      const response = this.process(message, context.remoteAddress);
      yield response;
      if (response.status !== Status.SUCCESS) return;
    }
  }

  /** Checks and orders one message. Never throws. */
  process(message: Envelope, remoteAddress: string): BroadcastResponse {
    try {
      const { channel, header, isConfigUpdate } = this.registrar.route(message);
      const { processor, chain } = channel;
      if (isConfigUpdate) {
        const config = processor.processConfigUpdate(message, header.channelId);
        chain.configure(config.envelope, config.sequence);
      } else chain.order(message, processor.processNormal(message, header.channelId));
      return create(BroadcastResponseSchema, { status: Status.SUCCESS });
    } catch (error) {
      return this.#refuse(error, remoteAddress);
    }
  }

  #refuse(error: unknown, remoteAddress: string): BroadcastResponse {
    const facts = { remote: remoteAddress, error: messageOf(error) };
    if (error instanceof DenimError) {
      this.#logger.warn("rejecting broadcast", facts);
      return create(BroadcastResponseSchema, { status: statusOf(error), info: error.message });
    }
    const stack = error instanceof Error ? error.stack : undefined;
    this.#logger.error("unexpected error while processing a broadcast", { ...facts, stack });
    return create(BroadcastResponseSchema, {
      status: Status.INTERNAL_SERVER_ERROR,
      info: `internal error: ${messageOf(error)}`,
    });
  }
}
