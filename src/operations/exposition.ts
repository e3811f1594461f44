/** Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats. Pure. */
import { goFloat } from "./go-float.ts";
import type { Series } from "./series.ts";

export const expositionContentType = "text/plain; version=0.0.4; charset=utf-8";

/** One line of a series. */
export interface Sample {
  /** After the metric's name: `_bucket`, `_sum`, `_count`; "" for the value itself. */
  readonly suffix: string;
  readonly value: number;
  /** Upper bound of a bucket. */
  readonly le?: number;
}

export interface SampleSource {
  samples(): Sample[];
}

/** A metric with all its series. */
export interface MetricFamily {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labelNames: readonly string[];
  series(): readonly Series<SampleSource>[];
}

/** Metrics by name, series by label values, labels by name; metrics without a series are left out. */
export function exposition(families: Iterable<MetricFamily>): string {
  const lines: string[] = [];
  for (const family of [...families].sort((a, b) => order(a.name, b.name))) {
    const series = sortedSeries(family);
    if (series.length === 0) continue;
    lines.push(`# HELP ${family.name} ${escapeHelp(family.help)}`);
    lines.push(`# TYPE ${family.name} ${family.type}`);
    for (const { labels, child } of series) {
      for (const { suffix, value, le } of child.samples()) {
        const pairs = le === undefined ? labels : [...labels, pair("le", goFloat(le))];
        const braces = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
        lines.push(`${family.name}${suffix}${braces} ${goFloat(value)}`);
      }
    }
  }
  return lines.length === 0 ? "" : lines.join("\n") + "\n";
}

function sortedSeries(family: MetricFamily) {
  const places = family.labelNames.map((name, place) => ({ name, place }))
    .sort((a, b) => order(a.name, b.name));
  return family.series().map(({ labelValues, child }) => {
    const values = places.map(({ place }) => labelValues[place]);
    return { values, labels: places.map(({ name }, i) => pair(name, values[i])), child };
  }).sort((a, b) => {
    const differs = a.values.findIndex((value, i) => value !== b.values[i]);
    return differs < 0 ? 0 : order(a.values[differs], b.values[differs]);
  });
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function pair(name: string, value: string): string {
  return `${name}="${escapeLabel(value)}"`;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(value: string): string {
  return escapeHelp(value).replaceAll('"', '\\"');
}
