/** Chaincode that ends again and again is launched less and less often. */
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";

/** So many ends in a row are followed by a launch at once, on the next use. */
export const crashesBeforeBackoff = 3;
/** The first pause; every further end doubles it. */
export const firstBackoffMs = 1_000;
export const maxBackoffMs = 60_000;
/** An instance that was ready for so long had recovered: its end counts as the first one. */
export const stableAfterMs = 60_000;
/** After so long without a further end, earlier ones are forgotten. */
export const forgetCrashesAfterMs = 10 * 60_000;
/** Instances remembered; the one whose last end is oldest goes first. */
export const maxRememberedCrashes = 1_000;

interface Crashes {
  count: number;
  lastAt: number;
  reason: string;
}

export class CrashBackoff {
  readonly #crashes = new Map<string, Crashes>();

  constructor(private readonly clock: Clock) {}

  /**
   * An instance ended without being told to.
   * @param readyMs how long it had been ready; 0 when it never was
   */
  crashed(instance: string, readyMs: number, reason: string): void {
    const before = this.#recent(instance);
    const count = before === undefined || readyMs >= stableAfterMs ? 1 : before.count + 1;
    this.#crashes.delete(instance);
    this.#crashes.set(instance, { count, lastAt: this.clock.now(), reason });
    if (this.#crashes.size > maxRememberedCrashes) {
      const [oldest] = this.#crashes.keys();
      this.#crashes.delete(oldest);
    }
  }

  /** More has become known about the last end. */
  explain(instance: string, reason: string): void {
    const crashes = this.#crashes.get(instance);
    if (crashes !== undefined) crashes.reason = reason;
  }

  /** Somebody asked for a launch on purpose: earlier ends no longer count. */
  forgive(instance: string): void {
    this.#crashes.delete(instance);
  }

  /** Milliseconds until it may be launched again; 0 = now. */
  pauseMs(instance: string): number {
    const crashes = this.#recent(instance);
    if (crashes === undefined || crashes.count < crashesBeforeBackoff) return 0;
    const pause = Math.min(
      firstBackoffMs * 2 ** Math.min(crashes.count - crashesBeforeBackoff, 30),
      maxBackoffMs,
    );
    return Math.max(0, crashes.lastAt + pause - this.clock.now());
  }

  /** @throws DenimError `launch-paused` saying why, and when the next attempt is made */
  check(instance: string): void {
    const pauseMs = this.pauseMs(instance);
    if (pauseMs === 0) return;
    const { count = 0, reason = "" } = this.#crashes.get(instance) ?? {};
    const nextAt = new Date(this.clock.now() + pauseMs);
    throw new DenimError(
      "launch-paused",
      `chaincode ${instance} has ended ${count} times in a row and is not launched again before ` +
        `${nextAt.toISOString()} (in ${(pauseMs / 1_000).toFixed(1)} s); the last time: ${reason}`,
      { instance, crashes: count, pauseMs, nextAttemptAt: nextAt.getTime() },
      `Read its output with 'denim chaincode logs ${instance}'; 'denim chaincode restart ${instance}' launches it at once.`,
    );
  }

  #recent(instance: string): Crashes | undefined {
    const crashes = this.#crashes.get(instance);
    if (crashes === undefined) return undefined;
    if (this.clock.now() - crashes.lastAt <= forgetCrashesAfterMs) return crashes;
    this.#crashes.delete(instance);
    return undefined;
  }
}
