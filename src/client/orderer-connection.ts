/** The ordering service as a client uses it: broadcast, and read blocks. */
import { DenimError } from "../base/errors.ts";
import { sha256 } from "../crypto/hash.ts";
import { type Envelope, Status } from "../gen/common/common_pb.ts";
import { AtomicBroadcast, type DeliverResponse } from "../gen/orderer/ab_pb.ts";
import type { ClientStream, RpcClient } from "../rpc/types.ts";

/** How long a broadcast waits for the orderer's word. */
const broadcastTimeoutMs = 30_000;

export class OrdererConnection {
  /** @param tlsCertificate DER of the client certificate used on this connection */
  constructor(
    readonly address: string,
    private readonly rpc: RpcClient,
    private readonly tlsCertificate?: Uint8Array,
  ) {}

  get tlsCertHash(): Uint8Array | undefined {
    return this.tlsCertificate && sha256(this.tlsCertificate);
  }

  /**
   * Hands one envelope to the orderer and waits for its word.
   * @throws DenimError `broadcast-refused` (`got unexpected status: BAD_REQUEST -- …`), RpcError
   */
  async broadcast(envelope: Envelope): Promise<void> {
    const stream = this.rpc.stream(AtomicBroadcast.method.broadcast, {
      timeoutMs: broadcastTimeoutMs,
    });
    try {
      await stream.send(envelope);
      for await (const answer of stream.responses) {
        if (answer.status === Status.SUCCESS) return;
        const status = Status[answer.status] ?? String(answer.status);
        throw new DenimError(
          "broadcast-refused",
          `got unexpected status: ${status} -- ${answer.info}`,
          { status, info: answer.info },
        );
      }
      throw new DenimError("broadcast-refused", "the orderer closed the stream without an answer", {
        orderer: this.address,
      });
    } finally {
      stream.closeSend();
      stream.cancel();
    }
  }

  deliver(signal?: AbortSignal): ClientStream<Envelope, DeliverResponse> {
    return this.rpc.stream(AtomicBroadcast.method.deliver, { signal });
  }

  close(): void {
    this.rpc.close();
  }
}
