/** Lets so many pass at a time; the others wait in the order in which they came. */
import { Deferred } from "../base/async.ts";
import { abortedError, throwIfAborted } from "./single-flight.ts";

export class Gate {
  #free: number;
  readonly #waiting: Deferred<void>[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  /** Runs `work` when it is its turn. @throws DenimError `aborted` where the signal aborts before that */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    throwIfAborted(signal);
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next.resolve();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const turn = new Deferred<void>();
    this.#waiting.push(turn);
    const giveUp = () => {
      const at = this.#waiting.indexOf(turn);
      if (at < 0) return; // It is this one's turn already.
      this.#waiting.splice(at, 1);
      turn.reject(abortedError(signal));
    };
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}
