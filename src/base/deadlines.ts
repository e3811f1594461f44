/** Many waits that mostly end before their time, with one timer where they are equally long. */

/** Timers may fire a little early. */
const timerSlackMs = 1;

/** A wait under way; to be handed back when what was waited for has come. */
export interface Deadline {
  readonly timeoutMs: number;
  readonly expiresAtMs: number;
  readonly expire: () => void;
}

/** Waits of one length: which began later ends later. */
class EqualDeadlines {
  readonly #waits = new Set<Deadline>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly timeoutMs: number) {}

  add(expire: () => void): Deadline {
    const { timeoutMs } = this;
    const wait = { timeoutMs, expiresAtMs: performance.now() + timeoutMs, expire };
    this.#waits.add(wait);
    this.#timer ??= setTimeout(() => this.#expireDue(), timeoutMs);
    return wait;
  }

  /** @returns whether none is left */
  delete(wait: Deadline): boolean {
    this.#waits.delete(wait);
    if (this.#waits.size > 0) return false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return true;
  }

  #expireDue(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const wait of this.#waits) {
      const leftMs = wait.expiresAtMs - now;
      if (leftMs > timerSlackMs) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#expireDue(), leftMs);
        return;
      }
      this.#waits.delete(wait);
      wait.expire();
    }
  }
}

/** Holds no timer while nothing waits. */
export class Deadlines {
  readonly #byTimeout = new Map<number, EqualDeadlines>();

  /** Calls `expire` after `timeoutMs`, unless the wait is given to `cancel` before. */
  begin(timeoutMs: number, expire: () => void): Deadline {
    let equal = this.#byTimeout.get(timeoutMs);
    if (equal === undefined) {
      equal = new EqualDeadlines(timeoutMs);
      this.#byTimeout.set(timeoutMs, equal);
    }
    return equal.add(expire);
  }

  /** Safe to call after it has expired, and twice. */
  cancel(deadline: Deadline): void {
    const equal = this.#byTimeout.get(deadline.timeoutMs);
    if (equal?.delete(deadline)) this.#byTimeout.delete(deadline.timeoutMs);
  }
}
