/** Blocks from a number on, those to come too: readers wait for the commit, nobody polls. */
import { Deferred } from "../../base/async.ts";
import type { Block } from "../../gen/common/common_pb.ts";

export class BlockFeed {
  #next = new Deferred<void>();
  #closed = false;

  /** @param height number of blocks that can be read now */
  constructor(readonly height: () => number, readonly read: (number: number) => Block) {}

  /** Wakes the readers after a commit. */
  wake(): void {
    const waiting = this.#next;
    this.#next = new Deferred();
    waiting.resolve();
  }

  /** Ends all readers. */
  close(): void {
    this.#closed = true;
    this.#next.resolve();
  }

  /** Ends when the signal aborts or the feed closes. */
  async *from(blockNumber: number, signal: AbortSignal): AsyncGenerator<Block> {
    const aborted = new Deferred<void>();
    const stop = () => aborted.resolve();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (let number = blockNumber; !signal.aborted && !this.#closed;) {
        if (number < this.height()) yield this.read(number++);
        else await Promise.race([this.#next.promise, aborted.promise]);
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
