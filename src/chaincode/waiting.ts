/** Waiting with an end: for a signal, for a time, for an instance to be gone. */
import { Deferred, sleep } from "../base/async.ts";
import { type DenimError, messageOf } from "../base/errors.ts";
import type { ExitStatus, RunningChaincode } from "../runtime/types.ts";

/** Rejects with `reason` (default: the signal's) as soon as the signal aborts. */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  reason?: DenimError,
): Promise<T> {
  const aborted = new Deferred<never>();
  const abort = () => aborted.reject(reason ?? signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The value, or undefined when it has not come within `ms` or before `hurry` aborts. */
export async function within<T>(
  work: Promise<T>,
  ms: number,
  hurry?: AbortSignal,
): Promise<T | undefined> {
  if (ms === 0) return undefined;
  const stop = new AbortController();
  const signal = hurry === undefined ? stop.signal : AbortSignal.any([hurry, stop.signal]);
  try {
    return await Promise.race([work, sleep(ms, signal).then(() => undefined)]);
  } finally {
    stop.abort();
  }
}

/** The end of an instance; not being able to wait for it counts as one. */
export function exitOf(running: RunningChaincode): Promise<ExitStatus> {
  return running.exited.catch((error) => ({
    code: undefined,
    signal: undefined,
    meaning: `failed to wait on container exit: ${messageOf(error)}`,
  }));
}
