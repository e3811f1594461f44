/** Is every part of the peer in working order? Mirrors fabric-lib-go/healthz. */
import { DenimError, messageOf } from "../base/errors.ts";
import { withDeadline } from "../base/async.ts";

/** All checks together may take so long. */
export const healthTimeoutMs = 30_000;

/** Throws where the component does not work; the message is the reason. Ends when the signal aborts. */
export type HealthCheck = (signal: AbortSignal) => Promise<void> | void;

export interface FailedCheck {
  readonly component: string;
  readonly reason: string;
}

export class HealthChecks {
  readonly #checks = new Map<string, HealthCheck>();

  constructor(private readonly timeoutMs = healthTimeoutMs) {}

  /** @throws DenimError `already-registered` */
  register(component: string, check: HealthCheck): void {
    if (this.#checks.has(component)) {
      throw new DenimError("already-registered", `'${component}' is already registered`);
    }
    this.#checks.set(component, check);
  }

  /**
   * Runs all checks at once. What throws is an answer.
   * @returns the failed ones by component, or `late` where they did not all end in time
   */
  async run(): Promise<FailedCheck[] | "late"> {
    const timeUp = new AbortController();
    const checks = [...this.#checks].map(async ([component, check]) => {
      try {
        await check(timeUp.signal);
        return [];
      } catch (error) {
        return [{ component, reason: messageOf(error) }];
      }
    });
    try {
      const failed = await withDeadline(Promise.all(checks), this.timeoutMs, "health checks");
      return failed.flat().sort((a, b) => a.component < b.component ? -1 : 1);
    } catch (error) {
      if (error instanceof DenimError && error.code === "deadline-exceeded") return "late";
      throw error;
    } finally {
      timeUp.abort();
    }
  }
}
