/**
 * Metrics as rooms see them: counters, gauges and histograms with labels, made by a provider.
 * Mirrors common/metrics/provider.go. What becomes of the numbers is the provider's business.
 */

/** Name, help text and labels of one metric. */
export interface MetricOptions {
  /** First part of the name, `ledger`. */
  readonly namespace?: string;
  /** Second part of the name, where there is one. */
  readonly subsystem?: string;
  readonly name: string;
  readonly help: string;
  /** In the order in which `with` takes the values; their order in StatsD names too. */
  readonly labelNames?: readonly string[];
}

export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending, in the metric's unit; default: those of Prometheus' libraries. */
  readonly buckets?: readonly number[];
}

/** Only grows. */
export interface Counter {
  /** The counter of these label values, one for each label. Callers on hot paths keep it. */
  with(...labelValues: string[]): Counter;
  /** @param delta not negative */
  add(delta: number): void;
}

export interface Gauge {
  with(...labelValues: string[]): Gauge;
  set(value: number): void;
  add(delta: number): void;
}

export interface Histogram {
  with(...labelValues: string[]): Histogram;
  /** Durations are seconds. */
  observe(value: number): void;
}

/** Makes metrics. The same options give the same metric again. */
export interface MetricsProvider {
  /** False: nothing is counted, so nothing need be measured. */
  readonly enabled: boolean;
  counter(options: MetricOptions): Counter;
  gauge(options: MetricOptions): Gauge;
  histogram(options: HistogramOptions): Histogram;
}

const disabledMetric: Counter & Gauge & Histogram = {
  with: () => disabledMetric,
  add() {},
  set() {},
  observe() {},
};

/** Counts nothing. Mirrors common/metrics/disabled. */
export const disabledMetrics: MetricsProvider = {
  enabled: false,
  counter: () => disabledMetric,
  gauge: () => disabledMetric,
  histogram: () => disabledMetric,
};

/** The parts of a metric's name that are not empty: `["ledger", "blockchain_height"]`. */
export function metricNameParts({ namespace, subsystem, name }: MetricOptions): string[] {
  return [namespace, subsystem, name].filter((part): part is string =>
    part !== undefined && part !== ""
  );
}

/** Seconds since `startedAt`, a value of `performance.now()`. */
export function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}
