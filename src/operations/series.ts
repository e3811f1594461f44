/** The series of one metric: one child for each combination of label values, made when first used. */
import { DenimError } from "../base/errors.ts";
import type { MetricOptions } from "../base/metrics.ts";

/**
 * Series one metric may have. Some labels come from outside (channel, chaincode): whoever makes
 * names up must not fill our memory. What goes beyond is counted in no series.
 */
export const maxSeriesPerMetric = 10_000;

export interface Series<C> {
  /** In the order of the metric's label names. */
  readonly labelValues: readonly string[];
  readonly child: C;
}

const separator = "\xff";

export class SeriesOf<C> {
  readonly #series = new Map<string, Series<C>>();
  readonly #labelNames: readonly string[];
  /** Takes what no series is left for. */
  readonly #overflow: C;

  constructor(
    private readonly options: MetricOptions,
    private readonly make: (labelValues: readonly string[]) => C,
    private readonly maxSeries = maxSeriesPerMetric,
  ) {
    this.#labelNames = options.labelNames ?? [];
    this.#overflow = make(this.#labelNames.map(() => ""));
  }

  /** @throws DenimError `metric-labels` where there is not one value for each label */
  of(labelValues: readonly string[]): C {
    const key = labelValues.length === 1 ? labelValues[0] : labelValues.join(separator);
    const known = this.#series.get(key);
    if (known !== undefined) return known.child;
    if (labelValues.length !== this.#labelNames.length) {
      throw new DenimError(
        "metric-labels",
        `metric ${this.options.name} has the labels [${this.#labelNames}], got ${labelValues.length} values`,
      );
    }
    if (this.#series.size >= this.maxSeries) return this.#overflow;
    const child = this.make(labelValues);
    this.#series.set(key, { labelValues: [...labelValues], child });
    return child;
  }

  all(): Series<C>[] {
    return [...this.#series.values()];
  }
}
