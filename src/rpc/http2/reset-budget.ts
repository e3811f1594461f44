/** A limit on streams that are opened only to be reset (CVE-2023-44487). */

/** Resets that a connection may have at once, and how fast it gets more. */
export const maxResetBurst = 1_000;
export const resetsPerSecond = 33;

export class ResetBudget {
  #left = maxResetBurst;
  #countedAt = performance.now();

  /** @returns false: the connection has used up its budget */
  take(): boolean {
    const now = performance.now();
    this.#left = Math.min(
      maxResetBurst,
      this.#left + (now - this.#countedAt) / 1_000 * resetsPerSecond,
    );
    this.#countedAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
