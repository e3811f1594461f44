/** A provider for tests: remembers what was counted as text. */
import {
  type Counter,
  type Gauge,
  type Histogram,
  metricNameParts,
  type MetricOptions,
  type MetricsProvider,
} from "./metrics.ts";

export class RecordingMetrics implements MetricsProvider {
  readonly enabled = true;
  readonly #values = new Map<string, number>();

  counter(options: MetricOptions): Counter & Gauge & Histogram {
    const name = metricNameParts(options).join("_");
    const change = (labels: string, to: (value: number) => number) => {
      const series = `${name}${labels}`;
      this.#values.set(series, to(this.#values.get(series) ?? 0));
    };
    const at = (labels: string): Counter & Gauge & Histogram => ({
      with: (...values) => at(`{${values.join(",")}}`),
      add: (delta) => change(labels, (value) => value + delta),
      set: (next) => change(labels, () => next),
      observe: () => change(labels, (value) => value + 1),
    });
    return at("");
  }

  gauge = this.counter;
  histogram = this.counter;

  /** `name{value,value} 3` for every series that was used, sorted; of histograms the count. */
  lines(): string[] {
    return [...this.#values].map(([series, value]) => `${series} ${value}`).sort();
  }
}
