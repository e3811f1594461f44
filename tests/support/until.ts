/** Waiting, with a deadline, for what something else does. */
import { sleep } from "../../src/base/async.ts";

/** Generous: tests share few processors. */
const defaultTimeoutMs = 60_000;
const pollIntervalMs = 20;
/** Looks at the same number after which it counts as steady; a busy machine looks later, too. */
const steadyLooks = 20;

/**
 * Looks again and again until there is something (neither undefined nor false), and gives that.
 * @param what said in the error; a function is asked then
 * @throws Error that says what did not come within `timeoutMs`
 */
export async function until<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = defaultTimeoutMs,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) {
      throw new Error(`${typeof what === "string" ? what : what()}: not within ${timeoutMs} ms`);
    }
    await sleep(pollIntervalMs);
  }
}

/** Waits until a number that was 0 at first has grown and then stays the same for a while. */
export async function untilSteady(what: string, value: () => number): Promise<void> {
  let [before, looks] = [0, 0];
  await until(what, () => {
    const now = value();
    looks = now === before ? looks + 1 : 0;
    before = now;
    return now > 0 && looks === steadyLooks;
  });
}
