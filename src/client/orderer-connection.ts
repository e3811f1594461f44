/** The ordering service as a client uses it: broadcast, and read blocks. */
import { sleep } from "../base/async.ts";
import { DenimError } from "../base/errors.ts";
import { sha256 } from "../crypto/hash.ts";
import { type Envelope, Status } from "../gen/common/common_pb.ts";
import { AtomicBroadcast, type DeliverResponse } from "../gen/orderer/ab_pb.ts";
import { onlyAnswer } from "../rpc/only-answer.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { ClientStream, RpcClient } from "../rpc/types.ts";

/** How long a broadcast waits for the orderer's word. */
const broadcastTimeoutMs = 30_000;

/** How a Raft orderer refuses that knows no leader: just started, or during an election. */
const noLeader = "no Raft leader";

/** An orderer without a leader is asked again for so long, with pauses that double. */
export interface LeaderPatience {
  readonly waitMs: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Told once that there is something to wait for. */
  readonly notice?: (message: string) => void;
}

/**
 * An election takes up to ten seconds with Fabric's defaults (ten to twenty ticks of 500 ms). A
 * leader dials an orderer that was away again about as long after it has come back as it was away.
 */
export const defaultLeaderPatience: LeaderPatience = {
  waitMs: 30_000,
  firstPauseMs: 250,
  longestPauseMs: 2_000,
};

export class OrdererConnection {
  /** Another orderer, for a transaction that certainly did not reach this one. */
  alternative: (() => Promise<OrdererConnection>) | undefined;

  /** @param tlsCertificate DER of the client certificate used on this connection */
  constructor(
    readonly address: string,
    private readonly rpc: RpcClient,
    private readonly tlsCertificate?: Uint8Array,
    private readonly leaderPatience: LeaderPatience = defaultLeaderPatience,
  ) {}

  get tlsCertHash(): Uint8Array | undefined {
    return this.tlsCertificate && sha256(this.tlsCertificate);
  }

  /**
   * Hands one envelope to the orderer and waits for its word. Where it knows no Raft leader yet, and
   * so has taken nothing, it gets the envelope again for a while; `peer` gives up at once.
   * @throws DenimError `broadcast-refused` (`got unexpected status: BAD_REQUEST -- …`), RpcError
   */
  async broadcast(envelope: Envelope): Promise<void> {
    const { waitMs, firstPauseMs, longestPauseMs, notice } = this.leaderPatience;
    const deadline = Date.now() + waitMs;
    for (let pauseMs = firstPauseMs;; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      let sent = false;
      try {
        return await this.#broadcast(envelope, () => sent = true);
      } catch (error) {
        if (error instanceof RpcError) {
          if (sent || this.alternative === undefined) throw whatBecameOfIt(error, sent);
          const other = await this.alternative();
          return await other.broadcast(envelope);
        }
        if (!isWithoutLeader(error) || Date.now() + pauseMs > deadline) throw error;
        if (pauseMs === firstPauseMs) {
          notice?.(
            `orderer ${this.address} knows no Raft leader yet: trying for ${waitMs / 1000} s`,
          );
        }
      }
      await sleep(pauseMs);
    }
  }

  async #broadcast(envelope: Envelope, onSent: () => void): Promise<void> {
    const stream = this.rpc.stream(AtomicBroadcast.method.broadcast, {
      timeoutMs: broadcastTimeoutMs,
    });
    const answer = await onlyAnswer(stream, envelope, onSent);
    if (answer === undefined) {
      throw new DenimError("broadcast-refused", "the orderer closed the stream without an answer", {
        orderer: this.address,
      });
    }
    if (answer.status === Status.SUCCESS) return;
    const status = Status[answer.status] ?? String(answer.status);
    throw new DenimError(
      "broadcast-refused",
      `got unexpected status: ${status} -- ${answer.info}`,
      { status, info: answer.info },
    );
  }

  deliver(signal?: AbortSignal): ClientStream<Envelope, DeliverResponse> {
    return this.rpc.stream(AtomicBroadcast.method.deliver, { signal });
  }

  close(): void {
    this.rpc.close();
  }
}

function isWithoutLeader(error: unknown): boolean {
  return error instanceof DenimError && error.code === "broadcast-refused" &&
    error.facts.info === noLeader;
}

/** The statuses of calls whose end nobody reported. */
const brokenStatuses: ReadonlySet<GrpcStatus> = new Set([
  GrpcStatus.UNAVAILABLE,
  GrpcStatus.DEADLINE_EXCEEDED,
  GrpcStatus.CANCELLED,
]);

/** Whoever submits must know whether to submit again. */
function whatBecameOfIt(error: RpcError, sent: boolean): RpcError {
  // An answer, if a refusal: it speaks for itself.
  if (!brokenStatuses.has(error.status)) return error;
  // What never answered a word of the protocol cannot have taken anything.
  const hint = sent && error.facts.spoke !== false
    ? "The orderer may have taken the transaction before the connection broke: look whether it was " +
      "committed before you send it again."
    : "The transaction did not reach the ordering service: nothing was changed. " +
      `${error.hint ?? ""} Another orderer of the channel can be named with -o.`.trimStart();
  const { status, message, facts, trailers } = error;
  return new RpcError(status, message, facts, hint, { cause: error }, trailers);
}
