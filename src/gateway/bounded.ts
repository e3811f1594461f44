/** Waiting on behalf of a call: with a limit, and no longer than the call itself. */
import { GrpcStatus, RpcError } from "../rpc/status.ts";

/**
 * Runs `work` with a signal that aborts after `timeoutMs` or with the call. Leaves neither timer nor
 * listener behind.
 * @throws RpcError DEADLINE_EXCEEDED when the time is over; the call's abort reason when it has ended
 */
export async function bounded<T>(
  call: AbortSignal,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  let give: (error: unknown) => void = () => {};
  const givenUp = new Promise<never>((_, reject) => give = reject);
  givenUp.catch(() => {});
  const stop = (error: unknown) => {
    give(error);
    controller.abort(error);
  };
  const ended = () => stop(call.reason);
  call.addEventListener("abort", ended, { once: true });
  const timer = setTimeout(
    () => stop(new RpcError(GrpcStatus.DEADLINE_EXCEEDED, "context deadline exceeded")),
    timeoutMs,
  );
  try {
    call.throwIfAborted();
    const working = work(signal);
    working.catch(() => {}); // it may end after everybody has left
    return await Promise.race([working, givenUp]);
  } finally {
    clearTimeout(timer);
    call.removeEventListener("abort", ended);
  }
}
