/** Durations as Go reads and writes them (`300ms`, `1h2m3.5s`). Mirrors time.ParseDuration and Duration.String. */

const millisecondsOf: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** The largest duration Go can hold (int64 nanoseconds), in milliseconds. */
const maxDurationMs = 2 ** 63 / 1e6;

/** Milliseconds (with fractions); undefined where the text is not a duration or does not fit 64 bits. */
export function parseGoDuration(duration: string): number | undefined {
  const sign = duration.startsWith("-") ? -1 : 1;
  let rest = duration.replace(/^[+-]/, "");
  if (rest === "0") return 0;
  if (rest === "") return undefined;
  let total = 0;
  while (rest !== "") {
    const part = /^(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/.exec(rest);
    if (part === null) return undefined;
    total += Number(part[1]) * millisecondsOf[part[2]];
    rest = rest.slice(part[0].length);
  }
  return total < maxDurationMs ? sign * total : undefined;
}

/** `2s`, `1m30s`, `1.5ms`, as Go prints a duration; down to the nanosecond. */
export function formatGoDuration(milliseconds: number): string {
  const nanoseconds = Math.round(Math.abs(milliseconds) * 1e6);
  const sign = milliseconds < 0 ? "-" : "";
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e3) return `${sign}${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${sign}${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${sign}${nanoseconds / 1e6}ms`;
  const hours = Math.floor(nanoseconds / 3.6e12);
  const minutes = Math.floor(nanoseconds / 6e10) % 60;
  const seconds = (nanoseconds % 6e10) / 1e9;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}
