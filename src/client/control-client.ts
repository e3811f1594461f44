/** The Control service as an administrator's client uses it; see proto/denim/control.proto. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import { type Envelope, HeaderType } from "../gen/common/common_pb.ts";
import {
  Control,
  ControlRequestSchema,
  type Instance,
  type InstanceRequestSchema,
  type Launch,
  type OutputLine,
  type Pruned,
  type ReadOutputRequestSchema,
  type TraceEvent,
  type TraceRequestSchema,
} from "../gen/denim/control_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createSignedEnvelope } from "../protocol/envelope.ts";
import { newNonce } from "../protocol/txid.ts";
import type { PeerConnection } from "./peer-connection.ts";

/** Listing, stopping and pruning may take so long; a restart, which may build, `restartTimeoutMs`. */
export const controlTimeoutMs = 60_000;
export const restartTimeoutMs = 15 * 60_000;

type Content = MessageInitShape<typeof ControlRequestSchema>["content"];

/** Each method throws the peer's RpcError: UNKNOWN `access denied`, NOT_FOUND, UNIMPLEMENTED of a Fabric peer. */
export class ControlClient {
  constructor(
    private readonly peer: PeerConnection,
    private readonly signer: SigningIdentity,
    private readonly clock: Clock,
  ) {}

  /** @param name one chaincode's only; "" = all */
  async launches(name = ""): Promise<Launch[]> {
    const request = this.#signed({ case: "listLaunches", value: { name } });
    const options = { timeoutMs: controlTimeoutMs };
    return (await this.peer.unary(Control.method.listLaunches, request, options)).launches;
  }

  output(
    request: MessageInitShape<typeof ReadOutputRequestSchema>,
    signal: AbortSignal,
  ): AsyncIterable<OutputLine> {
    const envelope = this.#signed({ case: "readOutput", value: request });
    return this.peer.serverStream(Control.method.readOutput, envelope, signal);
  }

  trace(
    request: MessageInitShape<typeof TraceRequestSchema>,
    signal: AbortSignal,
  ): AsyncIterable<TraceEvent> {
    const envelope = this.#signed({ case: "trace", value: request });
    return this.peer.serverStream(Control.method.trace, envelope, signal);
  }

  async stop(instance: MessageInitShape<typeof InstanceRequestSchema>): Promise<Instance[]> {
    const request = this.#signed({ case: "stop", value: instance });
    const options = { timeoutMs: controlTimeoutMs };
    return (await this.peer.unary(Control.method.stop, request, options)).instances;
  }

  async restart(
    instance: MessageInitShape<typeof InstanceRequestSchema>,
    signal?: AbortSignal,
  ): Promise<Instance[]> {
    const request = this.#signed({ case: "restart", value: instance });
    const options = { timeoutMs: restartTimeoutMs, signal };
    return (await this.peer.unary(Control.method.restart, request, options)).instances;
  }

  async prune(): Promise<Pruned> {
    const request = this.#signed({ case: "prune", value: {} });
    return await this.peer.unary(Control.method.prune, request, { timeoutMs: controlTimeoutMs });
  }

  #signed(content: Content): Envelope {
    return createSignedEnvelope({
      type: HeaderType.PEER_ADMIN_OPERATION,
      channelId: "",
      data: toBinary(ControlRequestSchema, create(ControlRequestSchema, { content })),
      clock: this.clock,
      signer: this.signer,
      nonce: newNonce(),
    });
  }
}
