/** Durations as Go's time.ParseDuration reads them (`300ms`, `1h2m3.5s`). */

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
