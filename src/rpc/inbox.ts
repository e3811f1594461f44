/** Received messages between the transport and one reader, with back-pressure on the transport. */
import { Deferred } from "../base/async.ts";
import { maxBufferedBytes, maxBufferedMessages } from "./limits.ts";

export interface InboxOptions<T> {
  /** Turns message bytes into the value; called when the reader takes it. */
  readonly decode: (bytes: Uint8Array) => T;
  /** Called with true when the transport must stop reading, false when it may go on. */
  readonly pause: (paused: boolean) => void;
  /** The reader left before the end (`break`, `return`). */
  readonly abandoned?: () => void;
}

/** An async iterable for one reader. */
export class Inbox<T> implements AsyncIterable<T> {
  #messages: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #waiter: Deferred<IteratorResult<T>> | undefined;
  #end: { error?: unknown } | undefined;

  constructor(readonly options: InboxOptions<T>) {}

  get ended(): boolean {
    return this.#end !== undefined;
  }

  push(message: Uint8Array): void {
    if (this.#end) return;
    const waiter = this.#waiter;
    if (waiter) {
      this.#waiter = undefined;
      this.#deliver(message, waiter);
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.length;
    this.#regulate();
  }

  /** No more messages; those received are still read. */
  close(): void {
    this.#finish({});
  }

  /** Readers get the messages received so far, then the error. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end) return;
    this.#end = end;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter) void this.#ended(end).then(waiter.resolve, waiter.reject);
  }

  #ended(end: { error?: unknown }): Promise<IteratorResult<T>> {
    return "error" in end
      ? Promise.reject(end.error)
      : Promise.resolve({ value: undefined, done: true });
  }

  #deliver(message: Uint8Array, waiter: Deferred<IteratorResult<T>>): void {
    try {
      waiter.resolve({ value: this.options.decode(message), done: false });
    } catch (error) {
      waiter.reject(error);
    }
  }

  #regulate(): void {
    const full = this.#messages.length >= maxBufferedMessages || this.#bytes >= maxBufferedBytes;
    const low = this.#messages.length <= maxBufferedMessages / 2 &&
      this.#bytes <= maxBufferedBytes / 2;
    if (full && !this.#paused) {
      this.#paused = true;
      this.options.pause(true);
    } else if (low && this.#paused) {
      this.#paused = false;
      this.options.pause(false);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => {
        const message = this.#messages.shift();
        const result = new Deferred<IteratorResult<T>>();
        if (message !== undefined) {
          this.#bytes -= message.length;
          this.#regulate();
          this.#deliver(message, result);
        } else if (this.#end) return this.#ended(this.#end);
        else this.#waiter = result;
        return result.promise;
      },
      return: () => {
        this.#messages = [];
        this.#bytes = 0;
        if (!this.#end) {
          this.#finish({});
          this.options.abandoned?.();
        }
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }
}
