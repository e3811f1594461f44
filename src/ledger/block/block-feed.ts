/** Blocks from a number on, those to come too: readers wait for the commit, nobody polls. */
import { Deferred } from "../../base/async.ts";
import type { Block } from "../../gen/common/common_pb.ts";

export class BlockFeed {
  /** Readers that have everything there is; each leaves nothing behind when it goes. */
  readonly #waiting = new Set<Deferred<void>>();
  #closed = false;

  /** @param height number of blocks that can be read now */
  constructor(readonly height: () => number, readonly read: (number: number) => Block) {}

  /** Wakes the readers after a commit. */
  wake(): void {
    for (const reader of this.#waiting) reader.resolve();
    this.#waiting.clear();
  }

  /** Ends all readers. */
  close(): void {
    this.#closed = true;
    this.wake();
  }

  /** Ends when the signal aborts or the feed closes. */
  async *from(blockNumber: number, signal: AbortSignal): AsyncGenerator<Block> {
    let waiting: Deferred<void> | undefined;
    const stop = () => waiting?.resolve();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (let number = blockNumber; !signal.aborted && !this.#closed;) {
        if (number < this.height()) yield this.read(number++);
        else {
          waiting = new Deferred<void>();
          this.#waiting.add(waiting);
          await waiting.promise;
          this.#waiting.delete(waiting);
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
