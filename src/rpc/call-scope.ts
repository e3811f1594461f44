/** How long a client's call may last: its deadline and the caller's abort signal. */
import { GrpcStatus, RpcError } from "./status.ts";
import { maxTimerMs } from "./timeout.ts";
import type { CallOptions } from "./types.ts";

/** Cuts a call when its deadline passes or its caller gives up; `end` frees its timer. */
export class CallScope {
  readonly #deadline: number | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #aborted = () =>
    this.cut(
      new RpcError(GrpcStatus.CANCELLED, "context canceled", {}, undefined, {
        cause: this.#signal?.reason,
      }),
    );
  #timer: ReturnType<typeof setTimeout> | undefined;
  #error: RpcError | undefined;
  #listener: ((error: RpcError) => void) | undefined;

  /** @param ended told when the call has ended */
  constructor(options: CallOptions, private readonly ended: () => void = () => {}) {
    this.#signal = options.signal;
    if (options.timeoutMs !== undefined) {
      this.#deadline = Date.now() + options.timeoutMs;
      this.#timer = setTimeout(
        () => this.cut(new RpcError(GrpcStatus.DEADLINE_EXCEEDED, "context deadline exceeded")),
        Math.min(Math.max(0, options.timeoutMs), maxTimerMs),
      );
    }
    this.#signal?.addEventListener("abort", this.#aborted, { once: true });
    if (this.#signal?.aborted) this.#aborted();
  }

  /** Milliseconds left, where there is a deadline. */
  remainingMs(): number | undefined {
    return this.#deadline === undefined ? undefined : this.#deadline - Date.now();
  }

  cut(error: RpcError): void {
    if (this.#error) return;
    this.#error = error;
    this.#listener?.(error);
  }

  /** The one who is told; called at once where the scope was cut already. */
  onCut(listener: (error: RpcError) => void): void {
    this.#listener = listener;
    if (this.#error) listener(this.#error);
  }

  /** The promise, or the error of the cut if that comes first. */
  orCut<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.onCut(reject);
      promise.then(resolve, reject);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#listener = undefined;
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.ended();
  }
}
