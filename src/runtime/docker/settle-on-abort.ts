/**
 * Calls of the engine that end when their signal aborts. The HTTP client of this runtime does not
 * always say so: a request that hangs, or an answer that is cut off in its middle, would never settle.
 */

/** The same object; each call whose options hold an `abortSignal` rejects with its reason at the latest. */
export function settlingOnAbort<T extends object>(target: T): T {
  return new Proxy(target, {
    get(object, property) {
      const value: unknown = Reflect.get(object, property, object);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, object, args);
        if (result instanceof Promise) return untilAborted(result, signalOf(args)).then(wrapped);
        return wrapped(result);
      };
    },
  });
}

/** Containers and images make calls of their own. */
function wrapped(value: unknown): unknown {
  return typeof value === "object" && value !== null && "modem" in value
    ? settlingOnAbort(value)
    : value;
}

function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  for (const arg of args) {
    const signal: unknown = typeof arg === "object" && arg !== null
      ? Reflect.get(arg, "abortSignal")
      : undefined;
    if (signal instanceof AbortSignal) return signal;
  }
  return undefined;
}

async function untilAborted<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await call;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([call, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
