/**
 * Metrics that are sent to a StatsD server: counters summed and gauges as they are at each sending,
 * timings one by one. Mirrors common/metrics/statsd and the library below it; as there, durations are
 * written in seconds though StatsD reads them as milliseconds.
 */
import {
  type Counter,
  type Gauge,
  type Histogram,
  type HistogramOptions,
  metricNameParts,
  type MetricOptions,
  type MetricsProvider,
} from "../base/metrics.ts";
import { SeriesOf } from "./series.ts";

/** Timings kept between two sendings; further ones are dropped and counted. */
export const maxBufferedTimings = 100_000;

/** What a name's segment may not contain. Mirrors common/metrics/internal/namer. */
const notInSegments = /[.|:\s]/g;

export class StatsdProvider implements MetricsProvider {
  readonly enabled = true;
  readonly #counters = new Map<string, number>();
  readonly #gauges = new Map<string, number>();
  #timings: string[] = [];
  #dropped = 0;
  readonly #collectors: (() => void)[] = [];
  readonly #prefix: string;

  /** @param prefix of all names; a point is added where it has none at its end */
  constructor(prefix: string, private readonly maxTimings = maxBufferedTimings) {
    this.#prefix = prefix === "" || prefix.endsWith(".") ? prefix : `${prefix}.`;
  }

  counter(options: MetricOptions): Counter {
    return this.#metric(options, (name) => ({
      add: (delta) => this.#counters.set(name, (this.#counters.get(name) ?? 0) + delta),
    }));
  }

  gauge(options: MetricOptions): Gauge {
    return this.#metric(options, (name) => {
      let value = 0;
      const set = (next: number) => {
        value = next;
        this.#gauges.set(name, value);
      };
      return { set, add: (delta) => set(value + delta) };
    });
  }

  histogram(options: HistogramOptions): Histogram {
    return this.#metric(options, (name) => ({
      observe: (value) => {
        if (this.#timings.length >= this.maxTimings) this.#dropped++;
        else this.#timings.push(`${name}:${value.toFixed(6)}|ms`);
      },
    }));
  }

  /** `collect` is called before each sending. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** What has come together since the last call, as lines without their ends. */
  take(): { readonly lines: string[]; readonly droppedTimings: number } {
    for (const collect of this.#collectors) collect();
    const lines: string[] = [];
    for (const [name, sum] of this.#counters) lines.push(`${name}:${sum.toFixed(6)}|c`);
    for (const [name, value] of this.#gauges) lines.push(`${name}:${value.toFixed(6)}|g`);
    // One by one: as arguments of a call so many would not fit on the stack.
    for (const timing of this.#timings) lines.push(timing);
    const droppedTimings = this.#dropped;
    this.#counters.clear();
    this.#gauges.clear();
    this.#timings = [];
    this.#dropped = 0;
    return { lines, droppedTimings };
  }

  #metric(options: MetricOptions, make: (name: string) => Partial<Recorder>): StatsdMetric {
    const name = this.#prefix + metricNameParts(options).join(".");
    const series: SeriesOf<StatsdMetric> = new SeriesOf(options, (labelValues) => {
      const segments = labelValues.map((value) => value.replace(notInSegments, "_"));
      const made: StatsdMetric = {
        ...nothing,
        ...make([name, ...segments].join(".")),
        with: () => made,
      };
      return made;
    });
    return {
      with: (...labelValues) => series.of(labelValues),
      add: (delta) => series.of([]).add(delta),
      set: (value) => series.of([]).set(value),
      observe: (value) => series.of([]).observe(value),
    };
  }
}

interface Recorder {
  add(delta: number): void;
  set(value: number): void;
  observe(value: number): void;
}

interface StatsdMetric extends Recorder {
  with(...labelValues: string[]): StatsdMetric;
}

const nothing: Recorder = { add() {}, set() {}, observe() {} };
