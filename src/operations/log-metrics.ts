/** Counts log entries by level. Mirrors common/flogging/metrics. */
import type { LogLevel } from "../base/logger.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { Counter, MetricsProvider } from "../base/metrics.ts";

/** @returns ends the counting */
export function countLogEntries(log: LogWriter, provider: MetricsProvider): () => void {
  if (!provider.enabled) return () => {};
  const counters = (name: string, help: string) => {
    const counter = provider.counter({ namespace: "logging", name, help, labelNames: ["level"] });
    const children = new Map<LogLevel, Counter>();
    // A series appears with its first entry.
    return (level: LogLevel) => {
      let child = children.get(level);
      if (child === undefined) children.set(level, child = counter.with(level));
      child.add(1);
    };
  };
  return log.observe({
    checked: counters(
      "entries_checked",
      "Number of log entries checked against the active logging level",
    ),
    written: counters("entries_written", "Number of log entries that are written"),
  });
}
