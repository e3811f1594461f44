/** One peer as a client uses it: endorse, follow its events, read its blocks, ask its state. */
import type { DescMethod, MessageShape } from "@bufbuild/protobuf";
import { sha256 } from "../crypto/hash.ts";
import { Admin } from "../gen/peer/admin_pb.ts";
import type { Envelope } from "../gen/common/common_pb.ts";
import type { ServerStatus } from "../gen/peer/admin_pb.ts";
import { Deliver, type DeliverResponse } from "../gen/peer/events_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import type { ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import type { CallOptions, ClientStream, RpcClient } from "../rpc/types.ts";

export class PeerConnection {
  /**
   * @param address host:port, for people and logs
   * @param tlsCertificate DER of the client certificate used on this connection
   * @param proposalHeaders sent with every proposal
   */
  constructor(
    readonly address: string,
    private readonly rpc: RpcClient,
    private readonly tlsCertificate?: Uint8Array,
    private readonly proposalHeaders: Readonly<Record<string, string>> = {},
  ) {}

  /** SHA-256 of the client's TLS certificate, which signed requests are bound to. */
  get tlsCertHash(): Uint8Array | undefined {
    return this.tlsCertificate && sha256(this.tlsCertificate);
  }

  /** @throws RpcError as the peer refused it */
  processProposal(proposal: SignedProposal, signal?: AbortSignal): Promise<ProposalResponse> {
    const { proposalHeaders: headers } = this;
    return this.rpc.unary(Endorser.method.processProposal, proposal, { signal, headers });
  }

  deliver(signal?: AbortSignal): ClientStream<Envelope, DeliverResponse> {
    return this.rpc.stream(Deliver.method.deliver, { signal });
  }

  deliverFiltered(signal?: AbortSignal): ClientStream<Envelope, DeliverResponse> {
    return this.rpc.stream(Deliver.method.deliverFiltered, { signal });
  }

  /** @throws RpcError */
  status(request: Envelope): Promise<ServerStatus> {
    return this.rpc.unary(Admin.method.getStatus, request, { timeoutMs: statusTimeoutMs });
  }

  /** A call of any other service of the peer. @throws RpcError */
  unary<M extends DescMethod & { methodKind: "unary" }>(
    method: M,
    request: MessageShape<M["input"]>,
    options: CallOptions = {},
  ): Promise<MessageShape<M["output"]>> {
    return this.rpc.unary(method, request, options);
  }

  /** The answers to one request, until the signal aborts. Iterating throws RpcError. */
  async *serverStream<M extends DescMethod & { methodKind: "server_streaming" }>(
    method: M,
    request: MessageShape<M["input"]>,
    signal: AbortSignal,
  ): AsyncGenerator<MessageShape<M["output"]>, void, undefined> {
    const stream = this.rpc.stream(method, { signal });
    try {
      await stream.send(request);
      stream.closeSend();
      yield* stream.responses;
    } finally {
      stream.cancel();
    }
  }

  close(): void {
    this.rpc.close();
  }
}

/** How long `node status` waits for an answer. */
const statusTimeoutMs = 10_000;
