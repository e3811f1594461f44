/** One peer that has handed a chaincode over to us. */
import { Deferred } from "../../base/async.ts";
import { DenimError } from "../../base/errors.ts";
import { attachChaincode } from "../../client/development-client.ts";
import type { Submitter } from "../../client/chaincode-lifecycle.ts";
import type { Attached, AttachEvent } from "../../gen/denim/dev_pb.ts";
import { GrpcStatus, RpcError } from "../../rpc/status.ts";
import type { ChaincodeTls } from "../../runtime/types.ts";

export class DevPeer {
  #registered = new Deferred<void>();
  readonly #release = new AbortController();

  private constructor(
    /** The peer's own address, for people. */
    readonly address: string,
    private readonly attached: Attached,
  ) {}

  /**
   * Takes the chaincode over until `release`.
   * @param onLost told when the peer ends it
   * @throws DenimError, RpcError
   */
  static async attach(
    member: Submitter,
    name: string,
    version: string,
    onLost: (error: unknown) => void,
  ): Promise<DevPeer> {
    const { address } = member.peers[0];
    const release = new AbortController();
    const events = attachChaincode(member, name, version, release.signal)[Symbol.asyncIterator]();
    let first: IteratorResult<AttachEvent>;
    try {
      first = await events.next();
    } catch (error) {
      if (!(error instanceof RpcError) || error.status !== GrpcStatus.UNIMPLEMENTED) throw error;
      throw new DenimError(
        "no-denim-peer",
        `the peer at ${address} is no Denim peer: it hands no chaincode over`,
        { address },
        "for a Fabric peer, start it with --peer-chaincodedev and run the chaincode yourself",
      );
    }
    if (first.done || first.value.event.case !== "attached") {
      throw new DenimError("protocol", `the peer at ${address} did not hand ${name} over`);
    }
    const peer = new DevPeer(address, first.value.event.value);
    peer.#release.signal.addEventListener("abort", () => release.abort(), { once: true });
    void peer.#follow(events).then(
      () => onLost(new Error(`${address} ended it`)),
      (error) => onLost(error),
    );
    return peer;
  }

  /** host:port that the chaincode dials. */
  get chaincodeAddress(): string {
    return this.attached.address;
  }

  get tls(): ChaincodeTls | undefined {
    const { clientKey, clientCertificate, rootCertificate } = this.attached;
    return rootCertificate === "" ? undefined : { clientKey, clientCertificate, rootCertificate };
  }

  /** Resolves when the chaincode has registered next. Ask before it is started. */
  nextRegistration(): Promise<void> {
    this.#registered = new Deferred();
    return this.#registered.promise;
  }

  release(): void {
    this.#release.abort();
  }

  async #follow(events: AsyncIterator<AttachEvent>): Promise<void> {
    for (;;) {
      const next = await events.next();
      if (next.done) return;
      if (next.value.event.case === "registered") this.#registered.resolve();
    }
  }
}
