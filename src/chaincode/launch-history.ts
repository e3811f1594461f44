/** The last launches of every chaincode, bounded, and their output; over restarts where there is an archive. */
import type { Clock } from "../base/clock.ts";
import type { OutputLine } from "../runtime/types.ts";
import type { LaunchArchive } from "./launch-archive.ts";
import { type LaunchEvent, LaunchFeed } from "./launch-feed.ts";
import { maxKeptCharacters } from "./launch-output.ts";
import {
  type LaunchListeners,
  type LaunchRecord,
  LaunchRecorder,
  type LaunchStepObserver,
} from "./launch-record.ts";

/** Launches remembered per chaincode name. */
export const maxLaunchRecordsPerChaincode = 10;
/** Chaincode names remembered; the one whose last launch is oldest goes first. */
export const maxChaincodesWithRecords = 200;

export class LaunchHistory {
  readonly #byName = new Map<string, LaunchRecorder[]>();
  readonly #feed = new LaunchFeed();
  #last = 0;
  /** Characters of output held by all launches. */
  #held = 0;
  readonly #listeners: LaunchListeners;

  /** @param archive keeps launches over restarts; those of earlier runs are taken from it */
  constructor(
    clock: Clock,
    observer?: LaunchStepObserver,
    private readonly archive?: LaunchArchive,
  ) {
    this.#listeners = {
      clock,
      feed: this.#feed,
      observer,
      onOutput: (recorder, characters) => this.#limitOutput(recorder, characters),
      onChange: (recorder) => this.archive?.changed(recorder),
    };
    for (const record of archive?.restore() ?? []) {
      this.#last = Math.max(this.#last, record.number);
      this.#remember(new LaunchRecorder(this.#listeners, record));
    }
  }

  begin(name: string, version: string): LaunchRecorder {
    const recorder = LaunchRecorder.begin(this.#listeners, ++this.#last, name, version);
    this.#remember(recorder);
    this.archive?.changed(recorder);
    return recorder;
  }

  /** Everything that is kept of a launch's output, and how many lines came before. */
  output({ number, output }: LaunchRecorder): {
    readonly dropped: number;
    readonly lines: readonly OutputLine[];
  } {
    const archived = this.archive?.output(number);
    // A disk that cannot be written has less than we remember.
    return archived !== undefined && archived.lines.length >= output.lines().length
      ? archived
      : { dropped: output.dropped, lines: output.lines() };
  }

  /** The newest launch of `name:version`, or of any version. */
  latest(name: string, version?: string): LaunchRecorder | undefined {
    return this.#byName.get(name)?.findLast((recorder) =>
      version === undefined || recorder.version === version
    );
  }

  /** The launch of this number, while it is remembered. */
  numbered(number: number): LaunchRecorder | undefined {
    return this.#all().find((recorder) => recorder.number === number);
  }

  /** Oldest first; of one chaincode or of all. */
  records(name?: string): LaunchRecord[] {
    const recorders = name === undefined ? this.#all() : this.#byName.get(name) ?? [];
    return recorders.map((recorder) => recorder.snapshot()).sort((a, b) => a.number - b.number);
  }

  /** Events of the launches that `wants` accepts, from now on; see `LaunchFeed.watch`. */
  watch(wants: (record: LaunchRecord) => boolean, signal: AbortSignal): AsyncIterable<LaunchEvent> {
    const underWay = this.#all().filter((recorder) => recorder.snapshot().outcome === "running");
    return this.#feed.watch(wants, signal, underWay);
  }

  /** Events of one launch, from its beginning. */
  follow(recorder: LaunchRecorder, signal: AbortSignal): AsyncIterable<LaunchEvent> {
    return this.#feed.watch(({ number }) => number === recorder.number, signal, [recorder]);
  }

  /** Forgets what is over, but for the newest launch of each chaincode. */
  prune(): { readonly launch: LaunchRecord; readonly bytes: number }[] {
    const forgotten: { launch: LaunchRecord; bytes: number }[] = [];
    for (const [name, records] of this.#byName) {
      const newest = records.at(-1);
      const keep = records.filter((recorder) => recorder === newest || !recorder.over);
      for (const recorder of records) {
        if (keep.includes(recorder)) continue;
        forgotten.push({ launch: recorder.snapshot(), bytes: this.#forget(recorder) });
      }
      this.#byName.set(name, keep);
    }
    return forgotten;
  }

  /** Ends every watch, and writes the last of it. */
  close(): void {
    this.#feed.close();
    this.archive?.close();
  }

  #remember(recorder: LaunchRecorder): void {
    const { name } = recorder;
    const records = this.#byName.get(name) ?? [];
    records.push(recorder);
    if (records.length > maxLaunchRecordsPerChaincode) {
      const over = records.findIndex((record) => record.over);
      for (const gone of records.splice(Math.max(over, 0), 1)) this.#forget(gone);
    }
    // Re-inserted, so that the map's order is the order of last launches.
    this.#byName.delete(name);
    this.#byName.set(name, records);
    if (this.#byName.size > maxChaincodesWithRecords) {
      const [[oldest, gone]] = this.#byName;
      for (const recorder of gone) this.#forget(recorder);
      this.#byName.delete(oldest);
    }
  }

  /** @returns the bytes (or, without an archive, characters) of output that this freed */
  #forget({ number, output }: LaunchRecorder): number {
    const characters = output.clear();
    this.#held -= characters;
    return this.archive?.remove(number) ?? characters;
  }

  #all(): LaunchRecorder[] {
    return [...this.#byName.values()].flat();
  }

  /** Takes output from the oldest launches that are over, then from the oldest others. */
  #limitOutput(writer: LaunchRecorder, characters: number): void {
    this.#held += characters;
    if (this.#held <= maxKeptCharacters) return;
    const others = this.#all().filter((recorder) => recorder !== writer)
      .sort((a, b) => Number(b.over) - Number(a.over) || a.number - b.number);
    for (const { output } of others) {
      if (this.#held <= maxKeptCharacters) return;
      this.#held -= output.clear();
    }
  }
}
