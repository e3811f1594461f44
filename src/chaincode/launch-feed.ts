/** Launches as they happen, for those who watch: traces and followed logs. */
import { AsyncQueue } from "../base/async.ts";
import type { OutputLine } from "../runtime/types.ts";
import type { LaunchRecord, LaunchStep } from "./launch-record.ts";

/** Events that a slow watcher may fall behind; further output lines are left out for it. */
export const maxPendingEvents = 10_000;

export type LaunchEvent =
  | { readonly kind: "step"; readonly launch: number; readonly step: LaunchStep }
  | { readonly kind: "output"; readonly launch: number; readonly line: OutputLine }
  /** READY or failed. */
  | { readonly kind: "finished"; readonly launch: number; readonly record: LaunchRecord }
  /** The instance has ended. */
  | { readonly kind: "exited"; readonly launch: number; readonly record: LaunchRecord };

/** What a watcher sees of a launch that began before it was looked at. */
export interface WatchedLaunch {
  snapshot(): LaunchRecord;
  /** What happened so far, in order. */
  past(): readonly LaunchEvent[];
}

interface Watcher {
  readonly wants: (record: LaunchRecord) => boolean;
  readonly queue: AsyncQueue<LaunchEvent>;
  /** Launches whose past this watcher has been given. */
  readonly joined: Set<number>;
}

export class LaunchFeed {
  readonly #watchers = new Set<Watcher>();

  /** Is there anyone to tell? */
  get watched(): boolean {
    return this.#watchers.size > 0;
  }

  /**
   * Events of the launches that `wants` accepts, until the signal aborts. A launch that it begins to
   * accept while it is under way (another transaction joins it) is told from its beginning; of one
   * that is over only what comes.
   * @param present launches that are looked at right away
   */
  watch(
    wants: (record: LaunchRecord) => boolean,
    signal: AbortSignal,
    present: Iterable<WatchedLaunch> = [],
  ): AsyncIterable<LaunchEvent> {
    const watcher: Watcher = { wants, queue: new AsyncQueue(), joined: new Set() };
    const stop = () => {
      this.#watchers.delete(watcher);
      watcher.queue.close();
    };
    if (signal.aborted) stop();
    else {
      this.#watchers.add(watcher);
      signal.addEventListener("abort", stop, { once: true });
      for (const launch of present) this.#join(watcher, launch);
    }
    return read(watcher.queue, () => {
      signal.removeEventListener("abort", stop);
      stop();
    });
  }

  /** Something about a launch has changed that is no event: who wants it. */
  changed(launch: WatchedLaunch): void {
    for (const watcher of this.#watchers) this.#join(watcher, launch);
  }

  /** `event` is already part of `launch.past()`. */
  tell(launch: WatchedLaunch, event: LaunchEvent): void {
    for (const watcher of this.#watchers) {
      if (!watcher.joined.has(event.launch)) this.#join(watcher, launch, event);
      else if (event.kind !== "output" || watcher.queue.size < maxPendingEvents) {
        watcher.queue.push(event);
      }
      // Watchers may stay for ever, launches do not.
      const over = event.kind === "finished" && event.record.outcome === "failed";
      if (over || event.kind === "exited") watcher.joined.delete(event.launch);
    }
  }

  /** Ends every watch. */
  close(): void {
    for (const { queue } of this.#watchers) queue.close();
    this.#watchers.clear();
  }

  #join(watcher: Watcher, launch: WatchedLaunch, latest?: LaunchEvent): void {
    const record = launch.snapshot();
    if (watcher.joined.has(record.number) || !watcher.wants(record)) return;
    watcher.joined.add(record.number);
    const over = latest !== undefined && record.outcome !== "running" && latest.kind !== "finished";
    for (const event of over ? [latest] : launch.past()) watcher.queue.push(event);
  }
}

async function* read(
  queue: AsyncQueue<LaunchEvent>,
  close: () => void,
): AsyncGenerator<LaunchEvent, void, undefined> {
  try {
    yield* queue;
  } finally {
    close();
  }
}
