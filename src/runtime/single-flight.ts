/** One build at a time per key; everyone who asks meanwhile shares it. */
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  readonly beganAt: number;
  waiters: number;
}

export interface SingleFlightOptions {
  /** `continue`: work that nobody waits for any more goes on, and whoever asks next joins it. */
  readonly whenAbandoned: "abort" | "continue";
  /** Tells how long a flight has been going. */
  readonly clock: Clock;
}

/** Shares running work. A finished flight is forgotten: the next caller starts a new one. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();
  /** Also those that were abandoned and are still winding up. */
  readonly #unsettled = new Set<Flight<T>>();
  #closed = false;

  constructor(private readonly options: SingleFlightOptions) {}

  /** Milliseconds since the flight of `key` began; undefined where there is none. */
  runningForMs(key: string): number | undefined {
    const flight = this.#flights.get(key);
    return flight && Math.max(0, this.options.clock.now() - flight.beganAt);
  }

  /**
   * Joins the flight of `key` or starts it. When `signal` aborts, this caller stops waiting; when the
   * last one does, the work's own signal aborts, unless abandoned work is to continue.
   * @throws DenimError `aborted`, or what the work throws
   */
  async run(
    key: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal);
    if (this.#closed) throw new DenimError("runtime-closed", "the peer is shutting down");
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiters++;
    try {
      return await unlessAborted(flight.result, signal);
    } finally {
      flight.waiters--;
      if (flight.waiters === 0 && this.options.whenAbandoned === "abort") flight.controller.abort();
    }
  }

  /** Aborts everything and waits for it. */
  async close(): Promise<void> {
    this.#closed = true;
    const flights = [...this.#unsettled];
    for (const flight of flights) flight.controller.abort();
    await Promise.allSettled(flights.map((flight) => flight.result));
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const result = Promise.resolve().then(() => work(controller.signal));
    const beganAt = this.options.clock.now();
    const flight: Flight<T> = { result, controller, beganAt, waiters: 0 };
    const forget = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    // An abandoned flight must not be joined: it is about to fail.
    controller.signal.addEventListener("abort", forget, { once: true });
    const settled = () => {
      forget();
      this.#unsettled.delete(flight);
    };
    result.then(settled, settled);
    this.#flights.set(key, flight);
    this.#unsettled.add(flight);
    return flight;
  }
}

/** Waits for shared work, but no longer than its caller. @throws DenimError `aborted`, or what the work throws */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await work;
  throwIfAborted(signal);
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortedError(signal));
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** @throws DenimError `aborted` */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError(signal);
}

export function abortedError(signal: AbortSignal): DenimError {
  return new DenimError("aborted", "given up: the caller no longer waits", {}, undefined, {
    cause: signal.reason,
  });
}
