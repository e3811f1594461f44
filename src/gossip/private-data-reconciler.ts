/**
 * Looks again and again for private data that committed blocks lack: what could not be had in time,
 * and what this peer may hold only since its collection was redefined. Mirrors
 * gossip/privdata/reconcile.go.
 */
import { sleep } from "../base/async.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { PrivateDataName, PulledPrivateData } from "./private-data-puller.ts";

export interface ReconcilerOptions {
  /** Ledgers of all channels, asked anew in each round. */
  ledgers(): readonly ReconciledLedger[];
  /** May this peer hold the collection's data, as it is defined now? */
  isHolder(channelId: string, namespace: string, collection: string): boolean;
  /** The transaction's id; undefined where the block has none there. */
  txIdOf(channelId: string, blockNumber: number, txNumber: number): string | undefined;
  /** Asks other peers; never throws. */
  pull(channelId: string, names: readonly PrivateDataName[]): Promise<readonly PulledPrivateData[]>;
  /** Blocks of one question. */
  readonly batchBlocks: number;
  readonly pauseMs: number;
  readonly logger: Logger;
}

export type ReconciledLedger = Pick<
  PeerLedger,
  "channelId" | "missingPrivateData" | "commitLatePrivateData"
>;

export class PrivateDataReconciler {
  readonly #stopping = new AbortController();
  #waking = new AbortController();
  #running: Promise<void> | undefined;

  constructor(private readonly options: ReconcilerOptions) {}

  start(): void {
    this.#running ??= this.#run();
  }

  /** A collection may have been redefined: the next round begins at once. */
  wake(): void {
    this.#waking.abort();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(this.options.pauseMs, AbortSignal.any([signal, this.#waking.signal]));
      this.#waking = new AbortController();
      if (!signal.aborted) await this.round();
    }
  }

  /** Goes once through all that is missing, newest blocks first. */
  async round(): Promise<void> {
    for (const ledger of this.options.ledgers()) {
      try {
        await this.#reconcile(ledger);
      } catch (error) {
        const reason = messageOf(error);
        this.options.logger.error(
          `[${ledger.channelId}] Failed to reconcile missing items: ${reason}`,
        );
      }
    }
  }

  async #reconcile(ledger: ReconciledLedger): Promise<void> {
    const { channelId } = ledger;
    const { batchBlocks, isHolder, txIdOf, pull, logger } = this.options;
    let below: number | undefined;
    while (!this.#stopping.signal.aborted) {
      const missing = ledger.missingPrivateData(batchBlocks, below);
      if (missing.length === 0) return;
      below = missing[missing.length - 1].blockNumber;
      const names = missing.flatMap((name): PrivateDataName[] => {
        if (!isHolder(channelId, name.namespace, name.collection)) return [];
        const txId = txIdOf(channelId, name.blockNumber, name.txNumber);
        return txId === undefined ? [] : [{ ...name, txId }];
      });
      if (names.length === 0) continue;
      const found = await pull(channelId, names);
      // The ledger may have been closed meanwhile.
      if (this.#stopping.signal.aborted) return;
      const late = found.flatMap(({ rwsets, ...name }) =>
        rwsets.map((rwset) => ({ ...name, rwset }))
      );
      const taken = late.length === 0 ? 0 : ledger.commitLatePrivateData(late);
      if (taken > 0) {
        logger.info(`[${channelId}] Reconciled private data of committed blocks`, {
          taken,
          missing: names.length - taken,
        });
      }
    }
  }
}
