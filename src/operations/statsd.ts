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

/** A counter or gauge that has something to send. */
interface Pending {
  readonly name: string;
  value: number;
  pending: boolean;
}

export class StatsdProvider implements MetricsProvider {
  readonly enabled = true;
  #counters: Pending[] = [];
  #gauges: Pending[] = [];
  /** Written as text only when they are sent: that is not the time of those who are measured. */
  #timings: { readonly name: string; readonly value: number }[] = [];
  #dropped = 0;
  readonly #collectors: (() => void)[] = [];
  readonly #prefix: string;

  /** @param prefix of all names; a point is added where it has none at its end */
  constructor(prefix: string, private readonly maxTimings = maxBufferedTimings) {
    this.#prefix = prefix === "" || prefix.endsWith(".") ? prefix : `${prefix}.`;
  }

  counter(options: MetricOptions): Counter {
    return this.#metric(options, (name) => {
      const counter: Pending = { name, value: 0, pending: false };
      return {
        add: (delta) => {
          counter.value += delta;
          if (counter.pending) return;
          counter.pending = true;
          this.#counters.push(counter);
        },
      };
    });
  }

  gauge(options: MetricOptions): Gauge {
    return this.#metric(options, (name) => {
      const gauge: Pending = { name, value: 0, pending: false };
      const set = (value: number) => {
        gauge.value = value;
        if (gauge.pending) return;
        gauge.pending = true;
        this.#gauges.push(gauge);
      };
      return { set, add: (delta) => set(gauge.value + delta) };
    });
  }

  histogram(options: HistogramOptions): Histogram {
    return this.#metric(options, (name) => ({
      observe: (value) => {
        if (this.#timings.length >= this.maxTimings) this.#dropped++;
        else this.#timings.push({ name, value });
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
    for (const counter of this.#counters) {
      lines.push(`${counter.name}:${counter.value.toFixed(6)}|c`);
      counter.value = 0;
      counter.pending = false;
    }
    for (const gauge of this.#gauges) {
      lines.push(`${gauge.name}:${gauge.value.toFixed(6)}|g`);
      gauge.pending = false;
    }
    for (const { name, value } of this.#timings) lines.push(`${name}:${value.toFixed(6)}|ms`);
    const droppedTimings = this.#dropped;
    this.#counters = [];
    this.#gauges = [];
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
