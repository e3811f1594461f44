/** Connections by key, kept open for their next use; beyond a limit those that nobody uses are closed. */

export interface Keepable {
  /** Nothing is under way on it that a close would cut. */
  readonly idle: boolean;
  /** It is of no use any more: the next use opens another one. */
  readonly closed?: boolean;
  close(): void | Promise<void>;
}

/** `max` is exceeded only while so many are in use at the same time; what is in use is never closed. */
export class KeptOpen<T extends Keepable> {
  /** In the order of their last use. */
  readonly #open = new Map<string, T>();
  readonly #closing = new Set<Promise<void>>();

  constructor(private readonly max: number) {}

  get size(): number {
    return this.#open.size;
  }

  /** The one of this key; its user begins before anything else is asked for, so that it is not idle. */
  use(key: string, open: () => T): T {
    const kept = this.#open.get(key);
    this.#open.delete(key);
    if (kept?.closed) this.#close(kept);
    const used = kept && !kept.closed ? kept : open();
    for (const [other, candidate] of this.#open) {
      if (this.#open.size < this.max) break;
      if (!candidate.idle) continue;
      this.#open.delete(other);
      this.#close(candidate);
    }
    this.#open.set(key, used);
    return used;
  }

  #close(one: T): void {
    const closing: Promise<void> = Promise.resolve(one.close())
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** Closes all of them, in use or not. */
  async close(): Promise<void> {
    for (const one of this.#open.values()) this.#close(one);
    this.#open.clear();
    await Promise.all(this.#closing);
  }
}
