/** Connections to other peers and to orderers: one for each address, kept while the gateway runs. */
import { KeptOpen } from "../base/kept-open.ts";
import type { RpcClient } from "../rpc/types.ts";

/** The least recently used without a call goes first; a network has fewer peers and orderers. */
export const maxConnections = 256;

export class Connections {
  /** By address and what its server is trusted by. */
  readonly #kept = new KeptOpen<RpcClient>(maxConnections);

  constructor(
    private readonly connect: (address: string, tlsRoots: readonly string[]) => RpcClient,
  ) {}

  /**
   * A client; it connects when it is used, and again after the connection was lost. To be used at
   * once: one without calls may be closed for another.
   */
  to(address: string, tlsRoots: readonly string[]): RpcClient {
    // A channel's configuration may change what is trusted, and two channels may differ in it.
    const key = [address, ...tlsRoots].join("\n");
    return this.#kept.use(key, () => this.connect(address, tlsRoots));
  }

  async close(): Promise<void> {
    await this.#kept.close();
  }
}
