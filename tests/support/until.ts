/** Waiting for what another process does. */
import { sleep } from "../../src/base/async.ts";

/** Generous: tests share few processors. */
const defaultTimeoutMs = 60_000;
const pollIntervalMs = 20;

/**
 * Looks again and again until there is something (neither undefined nor false), and gives that.
 * @throws Error that says what did not come within `timeoutMs`
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = defaultTimeoutMs,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(pollIntervalMs);
  }
}
