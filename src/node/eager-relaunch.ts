/**
 * `chaincode.relaunch: eager`: what is instantiated runs without being asked, from the peer's start
 * and again after it has ended. With `lazy`, the default, chaincode is launched on its next use.
 */
import { sleep } from "../base/async.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ChaincodeHost } from "../chaincode/chaincode-host.ts";
import type { PackageStore } from "../chaincode/types.ts";
import type { PeerLedger } from "../ledger/types.ts";
import { instantiatedVersions } from "./instantiated-versions.ts";

/** So many launches at a time, so that a start does not take the whole machine. */
export const maxEagerLaunches = 2;
/** A chaincode service that is not there is dialled again after this time. */
export const serviceRetryMs = 2_000;

export interface EagerRelaunchOptions {
  readonly chaincode: Pick<ChaincodeHost, "launch" | "connected">;
  readonly packages: Pick<PackageStore, "has">;
  ledgers(): PeerLedger[];
  readonly logger: Logger;
}

export class EagerRelaunch {
  readonly #closing = new AbortController();
  readonly #waiting: { name: string; version: string }[] = [];
  readonly #working = new Set<Promise<void>>();
  /** Services that are known to be away. */
  readonly #absent = new Set<string>();

  constructor(private readonly options: EagerRelaunchOptions) {}

  /** Launches what the channels run and this peer has installed, in the background. */
  start(): void {
    for (const [instance, { name, version }] of this.#instantiated()) {
      if (this.options.chaincode.connected().some((other) => other.instance === instance)) continue;
      this.#waiting.push({ name, version });
    }
    this.#fill();
  }

  /** An instance has ended; it comes back after `pauseMs` if it is still wanted. */
  crashed(name: string, version: string, pauseMs: number): void {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    const back = sleep(pauseMs, signal).then(() => {
      if (signal.aborted || !this.#instantiated().has(`${name}:${version}`)) return;
      this.#waiting.push({ name, version });
      this.#fill();
    });
    this.#track(back);
  }

  /** Begins nothing more and stops waiting for what is being launched. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#waiting.length = 0;
    await Promise.all(this.#working);
  }

  #launching = 0;

  #fill(): void {
    while (this.#launching < maxEagerLaunches && !this.#closing.signal.aborted) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#launching++;
      this.#track(
        this.#launch(next.name, next.version).then(() => {
          this.#launching--;
          this.#fill();
        }),
      );
    }
  }

  async #launch(name: string, version: string): Promise<void> {
    const { chaincode, logger } = this.options;
    try {
      await chaincode.launch(name, version, this.#closing.signal);
      this.#absent.delete(`${name}:${version}`);
      logger.info(`chaincode ${name}:${version} runs (chaincode.relaunch is eager)`);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      const away = error instanceof DenimError && error.code === "service-unreachable";
      if (!this.#absent.has(`${name}:${version}`)) {
        logger.warn(`chaincode ${name}:${version} was not launched: ${messageOf(error)}`);
      }
      if (!away) return;
      this.#absent.add(`${name}:${version}`);
      this.crashed(name, version, serviceRetryMs);
    }
  }

  #track(work: Promise<void>): void {
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }

  #instantiated(): Map<string, { name: string; version: string }> {
    const wanted = new Map<string, { name: string; version: string }>();
    for (const ledger of this.options.ledgers()) {
      for (const [name, version] of instantiatedVersions(ledger, this.options.logger)) {
        if (!this.options.packages.has(name, version)) continue;
        wanted.set(`${name}:${version}`, { name, version });
      }
    }
    return wanted;
  }
}
