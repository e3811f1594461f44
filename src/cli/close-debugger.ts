/** SIGUSR1 belongs to the peer's operator, not to a debugger. */

/** The debugger opens some milliseconds after the signal, within this time. */
const watchMs = 2_000;
const pollMs = 5;

/**
 * Deno, like Node, answers SIGUSR1 by opening its debugger on a port of this machine, where every user
 * of it could then run code as the peer. To be called in the signal's handler: closes that port as soon
 * as it is there. A debugger that was asked for at the start (`--inspect`) stays.
 */
export async function closeDebugger(): Promise<void> {
  const { default: inspector } = await import("node:inspector");
  if (inspector.url() !== undefined) return;
  const until = Date.now() + watchMs;
  const poll = setInterval(() => {
    if (inspector.url() !== undefined) inspector.close();
    else if (Date.now() < until) return;
    clearInterval(poll);
  }, pollMs);
}
