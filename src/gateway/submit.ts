/** A signed transaction on its way to the ordering service. Mirrors internal/pkg/gateway/submit.go of Fabric 2.5. */
import { create } from "@bufbuild/protobuf";
import type { Logger } from "../base/logger.ts";
import { type Envelope, Status } from "../gen/common/common_pb.ts";
import {
  type ErrorDetail,
  type SubmitRequest,
  type SubmitResponse,
  SubmitResponseSchema,
} from "../gen/gateway/gateway_pb.ts";
import { AtomicBroadcast, type BroadcastResponse } from "../gen/orderer/ab_pb.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import { bounded } from "./bounded.ts";
import type { Connections } from "./connections.ts";
import { errorDetail, gatewayError, goErrorText } from "./gateway-error.ts";
import { shuffled } from "./shuffled.ts";
import type { GatewayDependencies, OrdererEndpoint } from "./types.ts";

export class Submitter {
  readonly #logger: Logger;

  constructor(
    private readonly dependencies: GatewayDependencies,
    private readonly connections: Connections,
  ) {
    this.#logger = dependencies.logger;
  }

  /**
   * Tries the channel's orderers in random order until one takes the transaction.
   * @throws RpcError with Fabric's status and details
   */
  async submit(request: SubmitRequest, call: AbortSignal): Promise<SubmitResponse> {
    const { preparedTransaction, channelId, transactionId: txId } = request;
    if (!preparedTransaction) {
      throw gatewayError(GrpcStatus.INVALID_ARGUMENT, "a prepared transaction is required");
    }
    if (preparedTransaction.signature.length === 0) {
      throw gatewayError(GrpcStatus.INVALID_ARGUMENT, "prepared transaction must be signed");
    }
    const details: ErrorDetail[] = [];
    for (const orderer of this.#orderers(channelId)) {
      const facts = { channelId, txId, endpoint: orderer.address };
      this.#logger.debug("Sending transaction to orderer", facts);
      let answer: BroadcastResponse;
      try {
        answer = await this.#broadcast(orderer, preparedTransaction, call);
      } catch (error) {
        call.throwIfAborted();
        details.push(errorDetail(orderer, goErrorText(error)));
        this.#logger.warn("Error sending transaction to orderer", {
          ...facts,
          err: goErrorText(error),
        });
        continue;
      }
      if (answer.status === Status.SUCCESS) return create(SubmitResponseSchema);
      const status = Status[answer.status] ?? String(answer.status);
      const reason =
        `received unsuccessful response from orderer: status=${status}, info=${answer.info}`;
      this.#logger.warn("Unsuccessful response sending transaction to orderer", {
        ...facts,
        status,
        info: answer.info,
      });
      // The client's fault: other orderers would say the same.
      if (answer.status >= 400 && answer.status < 500) {
        throw gatewayError(GrpcStatus.ABORTED, reason);
      }
      details.push(errorDetail(orderer, reason));
    }
    throw gatewayError(
      GrpcStatus.UNAVAILABLE,
      "no orderers could successfully process transaction",
      details,
    );
  }

  #orderers(channelId: string): readonly OrdererEndpoint[] {
    const channel = this.dependencies.channel(channelId);
    if (!channel) {
      throw gatewayError(
        GrpcStatus.FAILED_PRECONDITION,
        `failed to get config for channel [${channelId}]: ` +
          `could not get last config for channel ${channelId}`,
      );
    }
    const orderers = channel.orderers();
    if (orderers.length === 0) {
      throw gatewayError(GrpcStatus.UNAVAILABLE, "no orderer nodes available");
    }
    return shuffled(orderers, this.dependencies.random);
  }

  async #broadcast(
    { address, tlsRoots }: OrdererEndpoint,
    envelope: Envelope,
    call: AbortSignal,
  ): Promise<BroadcastResponse> {
    const { broadcastMs } = this.dependencies.timeouts;
    return await bounded(call, broadcastMs, async (signal) => {
      const client = this.connections.to(address, tlsRoots);
      const stream = client.stream(AtomicBroadcast.method.broadcast, { signal });
      try {
        await stream.send(envelope);
        stream.closeSend();
        for await (const answer of stream.responses) return answer;
        throw new RpcError(GrpcStatus.UNAVAILABLE, "EOF");
      } finally {
        stream.cancel();
      }
    });
  }
}
