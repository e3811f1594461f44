/** Waiting until peers have committed a transaction. Mirrors deliverGroup of peer/chaincode/common.go. */
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { Status } from "../gen/common/common_pb.ts";
import type { Envelope } from "../gen/common/common_pb.ts";
import type { DeliverResponse } from "../gen/peer/events_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import type { ClientStream } from "../rpc/types.ts";
import type { PeerConnection } from "./peer-connection.ts";
import { maxBlockNumber, seekEnvelope } from "./seek.ts";

export interface CommitStatus {
  readonly address: string;
  readonly code: TxValidationCode;
  /** The code's name, `VALID`. */
  readonly status: string;
}

/** Listens on every peer from before the broadcast, so that no block is missed. */
export class CommitWaiter {
  readonly #abort = new AbortController();
  readonly #streams: { address: string; stream: ClientStream<Envelope, DeliverResponse> }[] = [];

  private constructor(private readonly channelId: string, private readonly timeoutMs: number) {}

  /** Opens a filtered event stream on every peer. @throws DenimError `event-stream-refused` */
  static async connect(
    peers: readonly PeerConnection[],
    channelId: string,
    signer: SigningIdentity,
    clock: Clock,
    timeoutMs: number,
  ): Promise<CommitWaiter> {
    const waiter = new CommitWaiter(channelId, timeoutMs);
    for (const peer of peers) {
      const stream = peer.deliverFiltered(waiter.#abort.signal);
      waiter.#streams.push({ address: peer.address, stream });
    }
    const sent = peers.map((peer, i) =>
      waiter.#streams[i].stream.send(seekEnvelope({
        channelId,
        signer,
        clock,
        start: "newest",
        stop: maxBlockNumber,
        tlsCertHash: peer.tlsCertHash,
      })).catch((error) => {
        throw new DenimError(
          "event-stream-refused",
          "failed to connect to deliver on all peers: error connecting to deliver filtered at " +
            `${peer.address}: ${messageOf(error)}`,
          { address: peer.address },
        );
      })
    );
    try {
      await Promise.all(sent);
    } catch (error) {
      waiter.close();
      throw error;
    }
    return waiter;
  }

  /**
   * Resolves when every peer has committed the transaction, valid or not.
   * @throws DenimError `commit-timeout`, `event-stream-refused` with Fabric's texts
   */
  async wait(
    txId: string,
    onCommit: (status: CommitStatus) => void = () => {},
  ): Promise<CommitStatus[]> {
    let expired = false;
    const timer = setTimeout(() => {
      expired = true;
      this.close();
    }, this.timeoutMs);
    try {
      return await Promise.all(this.#streams.map(async ({ address, stream }) => {
        const status = await waitOn(address, stream, txId);
        onCommit(status);
        return status;
      }));
    } catch (error) {
      if (expired) {
        throw new DenimError(
          "commit-timeout",
          "timed out waiting for txid on all peers",
          { txId, channel: this.channelId, timeoutMs: this.timeoutMs },
          "the transaction may still commit: look at the orderer's and the peers' logs, or wait " +
            "longer with --waitForEventTimeout",
        );
      }
      throw error;
    } finally {
      clearTimeout(timer);
      this.close();
    }
  }

  /** Ends all streams; safe to call twice. */
  close(): void {
    this.#abort.abort();
    for (const { stream } of this.#streams) stream.cancel();
  }
}

async function waitOn(
  address: string,
  stream: ClientStream<Envelope, DeliverResponse>,
  txId: string,
): Promise<CommitStatus> {
  const refused = (reason: string) =>
    new DenimError(
      "event-stream-refused",
      `failed to receive txid on all peers: ${reason}`,
      { address, txId },
    );
  try {
    for await (const { Type } of stream.responses) {
      if (Type.case === "filteredBlock") {
        for (const transaction of Type.value.filteredTransactions) {
          if (transaction.txid !== txId) continue;
          const code = transaction.txValidationCode;
          return { address, code, status: TxValidationCode[code] ?? String(code) };
        }
      } else if (Type.case === "status") {
        throw refused(
          `deliver completed with status (${Status[Type.value]}) before txid received`,
        );
      } else {
        throw refused(`received unexpected response type (${Type.case}) from ${address}`);
      }
    }
  } catch (error) {
    if (error instanceof DenimError && error.code === "event-stream-refused") throw error;
    throw refused(`error receiving from deliver filtered at ${address}: ${messageOf(error)}`);
  }
  throw refused(`error receiving from deliver filtered at ${address}: the stream ended`);
}
