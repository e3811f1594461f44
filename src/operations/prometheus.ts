/** Metrics that Prometheus fetches. Mirrors common/metrics/prometheus. */
import { DenimError } from "../base/errors.ts";
import {
  type Counter,
  type Gauge,
  type Histogram,
  type HistogramOptions,
  metricNameParts,
  type MetricOptions,
  type MetricsProvider,
} from "../base/metrics.ts";
import { exposition, type MetricFamily, type Sample, type SampleSource } from "./exposition.ts";
import { SeriesOf } from "./series.ts";

/** prometheus.DefBuckets, seconds. */
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** One peer's metrics: two peers in one process have one each. */
export class PrometheusProvider implements MetricsProvider {
  readonly enabled = true;
  readonly #metrics = new Map<string, MetricFamily>();
  readonly #collectors: (() => void)[] = [];

  counter(options: MetricOptions): Counter {
    return this.#metric(new CounterMetric(options));
  }

  gauge(options: MetricOptions): Gauge {
    return this.#metric(new GaugeMetric(options));
  }

  histogram(options: HistogramOptions): Histogram {
    return this.#metric(new HistogramMetric(options));
  }

  /** `collect` is called before each answer: for values that are asked for, not kept. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** Everything, in the text format. */
  text(): string {
    for (const collect of this.#collectors) collect();
    return exposition(this.#metrics.values());
  }

  #metric<M extends MetricFamily>(made: M): M {
    const known = this.#metrics.get(made.name);
    if (known === undefined) {
      this.#metrics.set(made.name, made);
      return made;
    }
    if (known.type !== made.type) {
      throw new DenimError("metric-type", `metric ${made.name} is a ${known.type} already`);
    }
    return known as M;
  }
}

/** A metric with its series; without labels there is one, made when it is first used. */
abstract class Metric<C extends SampleSource> implements MetricFamily {
  abstract readonly type: MetricFamily["type"];
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly #series: SeriesOf<C>;

  constructor(options: MetricOptions, make: () => C) {
    this.name = metricNameParts(options).join("_");
    this.help = options.help;
    this.labelNames = options.labelNames ?? [];
    this.#series = new SeriesOf(options, make);
  }

  with(...labelValues: string[]): C {
    return this.#series.of(labelValues);
  }

  series() {
    return this.#series.all();
  }
}

class CounterMetric extends Metric<CounterSeries> implements Counter {
  readonly type = "counter";

  constructor(options: MetricOptions) {
    super(options, () => new CounterSeries());
  }

  add(delta: number): void {
    this.with().add(delta);
  }
}

class CounterSeries implements Counter, SampleSource {
  #value = 0;

  with(): Counter {
    return this;
  }

  add(delta: number): void {
    if (!(delta >= 0)) throw new DenimError("metric-value", "counters cannot go down");
    this.#value += delta;
  }

  samples(): Sample[] {
    return [{ suffix: "", value: this.#value }];
  }
}

class GaugeMetric extends Metric<GaugeSeries> implements Gauge {
  readonly type = "gauge";

  constructor(options: MetricOptions) {
    super(options, () => new GaugeSeries());
  }

  set(value: number): void {
    this.with().set(value);
  }

  add(delta: number): void {
    this.with().add(delta);
  }
}

class GaugeSeries implements Gauge, SampleSource {
  #value = 0;

  with(): Gauge {
    return this;
  }

  set(value: number): void {
    this.#value = value;
  }

  add(delta: number): void {
    this.#value += delta;
  }

  samples(): Sample[] {
    return [{ suffix: "", value: this.#value }];
  }
}

class HistogramMetric extends Metric<HistogramSeries> implements Histogram {
  readonly type = "histogram";

  constructor(options: HistogramOptions) {
    const bounds = options.buckets ?? defaultBuckets;
    super(options, () => new HistogramSeries(bounds));
  }

  observe(value: number): void {
    this.with().observe(value);
  }
}

class HistogramSeries implements Histogram, SampleSource {
  /** Of each bucket alone; the last is what is above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  with(): Histogram {
    return this;
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.#counts[bucket]++;
    this.#sum += value;
  }

  samples(): Sample[] {
    let count = 0;
    const buckets = this.#counts.map((inBucket, i): Sample => {
      count += inBucket;
      return { suffix: "_bucket", value: count, le: this.bounds[i] ?? Infinity };
    });
    return [
      ...buckets,
      { suffix: "_sum", value: this.#sum },
      { suffix: "_count", value: count },
    ];
  }
}
