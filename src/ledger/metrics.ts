/**
 * Heights, commit times and transactions of ledgers. Mirrors core/ledger/kvledger/metrics.go and
 * common/ledger/blkstorage/fsblkstorage/metrics.go. Here a block, its private data and its state are
 * written in one database transaction, so its durable end counts with the block's storage.
 */
import type { MetricOptions, MetricsProvider } from "../base/metrics.ts";
import { HeaderType } from "../gen/common/common_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { WriteTimes } from "./block-commit.ts";
import type { TransactionKind } from "./block-preparation.ts";

const commitBuckets = [0.005, 0.01, 0.015, 0.05, 0.1, 1, 10];

const metric = (name: string, help: string, ...labelNames: string[]): MetricOptions => ({
  namespace: "ledger",
  name,
  help,
  labelNames: ["channel", ...labelNames],
});

/** Milliseconds that a commit took. */
export interface CommitTimes extends WriteTimes {
  /** Validation against the state. */
  readonly prepare: number;
  /** The whole database transaction; what its parts leave over is its durable end. */
  readonly total: number;
}

/** Of one channel. */
export interface LedgerMetrics {
  height(blocks: number): void;
  committed(times: CommitTimes, kinds: readonly TransactionKind[], flags: Uint8Array): void;
}

/** Makes the metrics of each channel; undefined where nobody counts. */
export type LedgerMetricsSource = (channelId: string) => LedgerMetrics;

export function createLedgerMetrics(provider: MetricsProvider): LedgerMetricsSource | undefined {
  if (!provider.enabled) return undefined;
  const time = (name: string, what: string) =>
    provider.histogram({
      ...metric(name, `Time taken in seconds for ${what}.`),
      buckets: commitBuckets,
    });
  const height = provider.gauge(metric("blockchain_height", "Height of the chain in blocks."));
  const processing = time("block_processing_time", "ledger block processing");
  const block = time("blockstorage_commit_time", "committing the block to storage");
  const blockAndPrivate = time(
    "blockstorage_and_pvtdata_commit_time",
    "committing the block and private data to storage",
  );
  const state = time("statedb_commit_time", "committing block changes to state db");
  const transactions = provider.counter(metric(
    "transaction_count",
    "Number of transactions processed.",
    "transaction_type",
    "chaincode",
    "validation_code",
  ));
  return (channelId) => ({
    height: (blocks) => height.with(channelId).set(blocks),
    committed(times, kinds, flags) {
      const observe = (histogram: typeof state, ms: number) =>
        histogram.with(channelId).observe(ms / 1_000);
      observe(processing, times.prepare);
      observe(block, times.total - times.privateData - times.state);
      observe(blockAndPrivate, times.total - times.state);
      observe(state, times.state);
      kinds.forEach(({ type, chaincodeId }, txNumber) => {
        const code = flags[txNumber];
        transactions.with(
          channelId,
          type === undefined ? "unknown" : HeaderType[type] ?? String(type),
          chaincodeId === undefined ? "unknown" : `${chaincodeId.name}:${chaincodeId.version}`,
          TxValidationCode[code] ?? String(code),
        ).add(1);
      });
    },
  });
}
