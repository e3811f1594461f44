/**
 * What the operating system knows of this process, under the names that Prometheus' libraries give
 * it. Asked for when metrics are fetched; where there is no /proc, memory and start alone.
 */
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import type { Clock } from "../base/clock.ts";
import type { MetricsProvider } from "../base/metrics.ts";

/** A provider that asks before it answers. */
export interface CollectingProvider extends MetricsProvider {
  onCollect(collect: () => void): void;
}

/** Registers the metrics; they are read anew whenever the provider is about to answer. */
export function collectProcessMetrics(provider: CollectingProvider, clock: Clock): void {
  const gauge = (name: string, help: string) =>
    provider.gauge({ namespace: "process", name, help });
  const cpu = provider.counter({
    namespace: "process",
    name: "cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
  });
  const resident = gauge("resident_memory_bytes", "Resident memory size in bytes.");
  const virtual = gauge("virtual_memory_bytes", "Virtual memory size in bytes.");
  const openFiles = gauge("open_fds", "Number of open file descriptors.");
  const maxFiles = gauge("max_fds", "Maximum number of open file descriptors.");
  gauge("start_time_seconds", "Start time of the process since unix epoch in seconds.")
    .set(Math.round(clock.now() - process.uptime() * 1_000) / 1_000);
  let cpuSoFar = 0;
  provider.onCollect(() => {
    const { user, system } = process.cpuUsage();
    const seconds = (user + system) / 1e6;
    cpu.add(Math.max(0, seconds - cpuSoFar));
    cpuSoFar = Math.max(seconds, cpuSoFar);
    resident.set(process.memoryUsage.rss());
    const virtualBytes = inProc(() => statusKiB("VmSize") * 1024);
    if (virtualBytes !== undefined) virtual.set(virtualBytes);
    // The directory that is read is open meanwhile.
    const open = inProc(() => readdirSync("/proc/self/fd").length - 1);
    if (open !== undefined) openFiles.set(open);
    const limit = inProc(() => {
      const match = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
      return Number(match?.[1]);
    });
    if (limit !== undefined) maxFiles.set(limit);
  });
}

function statusKiB(field: string): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
}

/** undefined where the system does not tell. */
function inProc(read: () => number): number | undefined {
  try {
    const value = read();
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
