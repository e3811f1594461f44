/**
 * Stops instances of versions that an upgrade has replaced, once it is committed and no other channel
 * runs them. In Fabric 1.4.2 they run until somebody removes their containers.
 */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ChaincodeHost, ConnectedChaincode } from "../chaincode/chaincode-host.ts";
import type { PeerLedger } from "../ledger/types.ts";
import { instantiatedVersion } from "./instantiated-versions.ts";

export interface SupersededOptions {
  readonly chaincode: Pick<ChaincodeHost, "connected" | "retire">;
  /** Ledgers of all channels. */
  ledgers(): PeerLedger[];
  readonly logger: Logger;
}

export class SupersededChaincode {
  /** Instances that were seen to be in use; others may await the commit of their definition. */
  readonly #used = new Set<string>();
  readonly #retiring = new Map<string, Promise<void>>();

  constructor(private readonly options: SupersededOptions) {}

  /** To be called after each commit. Never throws. */
  committed(): void {
    const connected = this.options.chaincode.connected()
      .filter(({ launch, runtime }) => launch !== undefined && runtime !== "external");
    const instances = new Set(connected.map(({ instance }) => instance));
    for (const instance of this.#used) if (!instances.has(instance)) this.#used.delete(instance);
    if (connected.length === 0) return;
    try {
      this.#retireUnused(connected);
    } catch (error) {
      this.options.logger.warn(`superseded chaincode could not be found: ${messageOf(error)}`);
    }
  }

  /** Waits for what is being stopped. */
  async close(): Promise<void> {
    await Promise.all(this.#retiring.values());
  }

  #retireUnused(connected: readonly ConnectedChaincode[]): void {
    const unused = new Set(connected);
    for (const ledger of this.options.ledgers()) {
      const executor = ledger.newQueryExecutor();
      try {
        for (const instance of unused) {
          if (instantiatedVersion(executor, instance.name) !== instance.version) continue;
          this.#used.add(instance.instance);
          unused.delete(instance);
        }
      } finally {
        executor.done();
      }
    }
    for (const instance of unused) {
      // Launched for an instantiate or upgrade that is not committed yet.
      const pending = instance.forDeployment && !this.#used.has(instance.instance);
      if (!pending) this.#retire(instance);
    }
  }

  #retire({ instance, name, version }: ConnectedChaincode): void {
    if (this.#retiring.has(instance)) return;
    const { chaincode, logger } = this.options;
    logger.info(`stopping chaincode ${instance}: no channel runs this version any more`);
    const retiring = chaincode.retire(name, version)
      .catch((error) => logger.warn(`${instance} could not be stopped: ${messageOf(error)}`))
      .then(() => void this.#retiring.delete(instance));
    this.#retiring.set(instance, retiring);
  }
}
