/** Connections to other peers and to orderers: one for each address, kept while the gateway runs. */
import type { RpcClient } from "../rpc/types.ts";

/** The least recently used goes first; a network has fewer peers and orderers than that. */
export const maxConnections = 256;

export class Connections {
  /** By address and what its server is trusted by, in the order of their last use. */
  readonly #open = new Map<string, RpcClient>();

  constructor(
    private readonly connect: (address: string, tlsRoots: readonly string[]) => RpcClient,
  ) {}

  /** A client; it connects when it is used, and again after the connection was lost. */
  to(address: string, tlsRoots: readonly string[]): RpcClient {
    // A channel's configuration may change what is trusted, and two channels may differ in it.
    const key = [address, ...tlsRoots].join("\n");
    const client = this.#open.get(key) ?? this.connect(address, tlsRoots);
    this.#open.delete(key);
    this.#open.set(key, client);
    if (this.#open.size > maxConnections) {
      const [[oldest, unused]] = this.#open;
      this.#open.delete(oldest);
      void unused.close();
    }
    return client;
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map((client) => client.close()));
  }
}
