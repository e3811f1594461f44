/** Counts of streams, requests and blocks of the deliver service. Mirrors common/deliver/metrics.go. */
import type { Counter, MetricOptions, MetricsProvider } from "../base/metrics.ts";

const metric = (name: string, help: string, ...labelNames: string[]): MetricOptions => ({
  namespace: "deliver",
  name,
  help,
  labelNames,
});

export interface DeliverMetrics {
  readonly streamsOpened: Counter;
  readonly streamsClosed: Counter;
  /** channel, filtered */
  readonly requestsReceived: Counter;
  /** channel, filtered, success */
  readonly requestsCompleted: Counter;
  /** channel, filtered */
  readonly blocksSent: Counter;
}

export function createDeliverMetrics(provider: MetricsProvider): DeliverMetrics {
  const streams = (what: string) =>
    `The number of GRPC streams that have been ${what} for the deliver service.`;
  return {
    streamsOpened: provider.counter(metric("streams_opened", streams("opened"))),
    streamsClosed: provider.counter(metric("streams_closed", streams("closed"))),
    requestsReceived: provider.counter(metric(
      "requests_received",
      "The number of deliver requests that have been received.",
      "channel",
      "filtered",
    )),
    requestsCompleted: provider.counter(metric(
      "requests_completed",
      "The number of deliver requests that have been completed.",
      "channel",
      "filtered",
      "success",
    )),
    blocksSent: provider.counter(metric(
      "blocks_sent",
      "The number of blocks sent by the deliver service.",
      "channel",
      "filtered",
    )),
  };
}
