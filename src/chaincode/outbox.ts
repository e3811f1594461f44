/** Messages on their way to one chaincode, in order. */
import { AsyncQueue, Deferred } from "../base/async.ts";
import type { ChaincodeMessage } from "../gen/peer/chaincode_shim_pb.ts";

/** Unsent messages above which no more requests are read from a chaincode that does not read its answers. */
export const maxUnsentMessages = 1_000;

/**
 * A queue with a high-water mark: `room` holds back the reader of requests until the transport has
 * taken enough answers, so that a chaincode that only writes cannot fill the peer's memory.
 */
export class Outbox implements AsyncIterable<ChaincodeMessage> {
  readonly #queue = new AsyncQueue<ChaincodeMessage>();
  #room: Deferred<void> | undefined;

  send(message: ChaincodeMessage): void {
    this.#queue.push(message);
  }

  /** Resolves at once below the high-water mark, else when the transport has caught up or the stream ends. */
  room(): Promise<void> | undefined {
    if (this.#queue.size < maxUnsentMessages) return undefined;
    this.#room ??= new Deferred<void>();
    return this.#room.promise;
  }

  /** Ends the stream after what is queued; with an error where one is given. */
  end(error?: unknown): void {
    if (error === undefined) this.#queue.close();
    else this.#queue.fail(error);
    this.#release();
  }

  /** For one reader. */
  [Symbol.asyncIterator](): AsyncIterator<ChaincodeMessage> {
    const queue = this.#queue[Symbol.asyncIterator]();
    return {
      next: () => {
        const next = queue.next();
        if (this.#queue.size < maxUnsentMessages / 2) this.#release();
        return next;
      },
      return: () => {
        this.end();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #release(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}
