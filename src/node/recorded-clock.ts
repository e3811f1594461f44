/** The time of the recorded peer, for certificates that were good then and may have ended since. */
import type { Clock } from "../base/clock.ts";
import { openTransactions } from "../commit/opened-transaction.ts";
import { type Block, HeaderType } from "../gen/common/common_pb.ts";

/** Stands where the newest configuration that it was shown says: orderers set that time. */
export class RecordedClock implements Clock {
  #ms: number;

  /** @param fallback tells the time where no configuration has told one */
  constructor(fallback: Clock) {
    this.#ms = fallback.now();
  }

  now(): number {
    return this.#ms;
  }

  /** Moves to the time of a block that carries a configuration; others leave it where it is. */
  enter(block: Block): void {
    for (const transaction of openTransactions(block)) {
      if (transaction?.type !== HeaderType.CONFIG || !(transaction.timestampMs > 0)) continue;
      this.#ms = transaction.timestampMs;
    }
  }
}
