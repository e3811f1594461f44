/** The `grpc-timeout` header: up to eight digits and a unit. */

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Milliseconds (fractions rounded up), or undefined where the text is not a timeout. */
export function parseTimeout(header: string): number | undefined {
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(header);
  if (!match) return undefined;
  return Math.ceil(Number(match[1]) * unitMs[match[2]]);
}

/** The header for a timeout in milliseconds; at least 1 ms. */
export function formatTimeout(timeoutMs: number): string {
  const ms = Math.max(1, Math.ceil(timeoutMs));
  if (ms < 1e8) return `${ms}m`;
  return `${Math.min(99_999_999, Math.ceil(ms / 1000))}S`;
}

/** Longest delay that setTimeout takes; longer deadlines are as good as none. */
export const maxTimerMs = 0x7fff_ffff;
