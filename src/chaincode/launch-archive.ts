/**
 * Launches on disk, so that records and output can be read after the peer was restarted. For each
 * launch `<number>.json`, its record, and `<number>.log`, one JSON array `[time, stream, text]` a line;
 * the older half of a long output lies in `<number>.old.log`. What cannot be written is told in the
 * log and harms nothing else.
 */
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { OutputLine } from "../runtime/types.ts";
import type { LaunchOutput } from "./launch-output.ts";
import type { LaunchRecord } from "./launch-record.ts";

export interface ArchiveLimits {
  /** Of one launch; of a chaincode that writes on and on, the last ones. */
  readonly maxBytesPerLaunch: number;
  /** Of all launches of a peer; the oldest give way. */
  readonly maxBytes: number;
}

/** Bytes of output kept on disk. */
export const defaultArchiveLimits: ArchiveLimits = {
  maxBytesPerLaunch: 4 * 1024 * 1024,
  maxBytes: 256 * 1024 * 1024,
};

/** What was written is on disk after this time at the latest. */
export const archiveDelayMs = 200;

/** A launch as it is archived. */
export interface ArchivableLaunch {
  readonly number: number;
  readonly output: LaunchOutput;
  snapshot(): LaunchRecord;
}

interface Archived {
  /** Number of the next line that is to be written. */
  nextLine: number;
  /** Lines that came before the first one on disk. */
  dropped: number;
  linesOld: number;
  linesNew: number;
  bytesOld: number;
  bytesNew: number;
  /** The record file as it was written last. */
  file: string;
}

/** A record with what has to be known to go on with its output. */
interface ArchiveFile {
  readonly record: LaunchRecord;
  readonly dropped: number;
}

export class LaunchArchive {
  readonly #archived = new Map<number, Archived>();
  readonly #changed = new Set<ArchivableLaunch>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failing = false;
  #closed = false;

  constructor(
    private readonly directory: string,
    private readonly logger: Logger,
    private readonly limits: ArchiveLimits = defaultArchiveLimits,
  ) {}

  /** The launches of earlier runs, oldest first; those that were under way then have ended. */
  restore(): LaunchRecord[] {
    const records: LaunchRecord[] = [];
    for (const number of this.#numbersOnDisk()) {
      const path = this.#path(number, "json");
      try {
        const file: ArchiveFile = JSON.parse(readFileSync(path, "utf8"));
        const record = checked(file.record, number);
        const bytesOld = this.#size(number, "old.log");
        const bytesNew = this.#size(number, "log");
        this.#archived.set(number, {
          ...{ nextLine: 0, linesOld: 0, linesNew: 0, bytesOld, bytesNew, file: "" },
          dropped: Number(file.dropped) || 0,
        });
        records.push(ended(record, statSync(path).mtimeMs));
      } catch (error) {
        this.logger.warn(`the record of launch ${number} is dropped: ${messageOf(error)}`);
        this.remove(number);
      }
    }
    return records;
  }

  /** Something about a launch has changed; it is written soon. */
  changed(launch: ArchivableLaunch): void {
    if (this.#closed) return;
    this.#changed.add(launch);
    this.#timer ??= setTimeout(() => this.flush(), archiveDelayMs);
  }

  /** Writes what has changed. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const launches = [...this.#changed];
    this.#changed.clear();
    if (launches.length === 0) return;
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      for (const launch of launches) this.#write(launch);
      this.#limit();
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        this.logger.warn(
          `records of launches cannot be written to ${this.directory}: ${messageOf(error)}`,
        );
      }
      this.#failing = true;
    }
  }

  /** Output on disk, oldest line first, and how many lines came before it. */
  output(number: number): { readonly dropped: number; readonly lines: readonly OutputLine[] } {
    this.flush();
    const lines = ["old.log", "log"].flatMap((part) => this.#lines(number, part));
    return { dropped: this.#archived.get(number)?.dropped ?? 0, lines };
  }

  /** Forgets a launch. @returns the bytes that this freed */
  remove(number: number): number {
    const { bytesOld = 0, bytesNew = 0 } = this.#archived.get(number) ?? {};
    this.#archived.delete(number);
    for (const launch of this.#changed) if (launch.number === number) this.#changed.delete(launch);
    for (const part of ["json", "log", "old.log"]) {
      rmSync(this.#path(number, part), { force: true });
    }
    return bytesOld + bytesNew;
  }

  /** Writes the last of it. Nothing is taken any more. */
  close(): void {
    this.flush();
    this.#closed = true;
  }

  #write(launch: ArchivableLaunch): void {
    const { number, output } = launch;
    const state = this.#archived.get(number) ??
      { nextLine: 0, dropped: 0, linesOld: 0, linesNew: 0, bytesOld: 0, bytesNew: 0, file: "" };
    this.#archived.set(number, state);
    const { first, lines } = output.from(state.nextLine);
    // Too fast for us: memory has given lines up already. What is on disk would have a hole.
    if (first > state.nextLine && state.nextLine > 0) this.#forgetOutput(number, state, first);
    else state.dropped = Math.max(state.dropped, first - state.nextLine);
    const text = lines.map(({ at, stream, text }) => `${JSON.stringify([at, stream, text])}\n`)
      .join("");
    if (text !== "") {
      appendFileSync(this.#path(number, "log"), text, { mode: 0o600 });
      state.bytesNew += new TextEncoder().encode(text).length;
      state.linesNew += lines.length;
      state.nextLine = first + lines.length;
      if (state.bytesNew > this.limits.maxBytesPerLaunch / 2) this.#turn(number, state);
    }
    const content: ArchiveFile = { record: launch.snapshot(), dropped: state.dropped };
    const file = JSON.stringify(content);
    if (file === state.file) return;
    const path = this.#path(number, "json");
    writeFileSync(`${path}.new`, file, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    state.file = file;
  }

  /** The newer half becomes the older one, which is given up. */
  #turn(number: number, state: Archived): void {
    renameSync(this.#path(number, "log"), this.#path(number, "old.log"));
    state.dropped += state.linesOld;
    state.linesOld = state.linesNew;
    state.bytesOld = state.bytesNew;
    state.linesNew = 0;
    state.bytesNew = 0;
  }

  #forgetOutput(number: number, state: Archived, first: number): void {
    for (const part of ["log", "old.log"]) rmSync(this.#path(number, part), { force: true });
    Object.assign(state, { linesOld: 0, linesNew: 0, bytesOld: 0, bytesNew: 0, dropped: first });
  }

  /** Takes output from the oldest launches until all of it is within the limit. */
  #limit(): void {
    let held = 0;
    for (const { bytesOld, bytesNew } of this.#archived.values()) held += bytesOld + bytesNew;
    for (const number of [...this.#archived.keys()].sort((a, b) => a - b)) {
      if (held <= this.limits.maxBytes) return;
      const state = this.#archived.get(number);
      if (state === undefined) continue;
      held -= state.bytesOld + state.bytesNew;
      this.#forgetOutput(number, state, state.dropped + state.linesOld + state.linesNew);
    }
  }

  #numbersOnDisk(): number[] {
    try {
      return readdirSync(this.directory).flatMap((name) => {
        const match = /^(\d+)\.json$/.exec(name);
        return match === null ? [] : [Number(match[1])];
      }).sort((a, b) => a - b);
    } catch {
      return []; // No launch yet.
    }
  }

  #lines(number: number, part: string): OutputLine[] {
    let text: string;
    try {
      text = readFileSync(this.#path(number, part), "utf8");
    } catch {
      return []; // It has written nothing, or not so much.
    }
    return text.split("\n").flatMap((line) => lineOf(line) ?? []);
  }

  #size(number: number, part: string): number {
    return statSync(this.#path(number, part), { throwIfNoEntry: false })?.size ?? 0;
  }

  #path(number: number, part: string): string {
    return join(this.directory, `${number}.${part}`);
  }
}

/** Undefined for what was cut off when the peer was killed. */
function lineOf(json: string): OutputLine | undefined {
  try {
    const [at, stream, text]: [unknown, unknown, unknown] = JSON.parse(json);
    if (typeof at !== "number" || typeof text !== "string") return undefined;
    return { at, stream: stream === "stderr" || stream === "build" ? stream : "stdout", text };
  } catch {
    return undefined;
  }
}

/** @throws Error for what is no record of this launch */
function checked(record: LaunchRecord, number: number): LaunchRecord {
  const { name, version, beganAt, steps, txIds, outcome } = record;
  const sound = record.number === number && typeof name === "string" && name !== "" &&
    typeof version === "string" && typeof beganAt === "number" && Array.isArray(steps) &&
    Array.isArray(txIds) && ["running", "ok", "failed"].includes(outcome);
  if (!sound) throw new Error("it is damaged");
  return record;
}

/** Nothing of an earlier run goes on. */
function ended(record: LaunchRecord, at: number): LaunchRecord {
  const reason = "the peer ended";
  if (record.outcome === "running") {
    return {
      ...record,
      outcome: "failed",
      error: "the peer ended during this launch",
      durationMs: Math.max(0, Math.round(at - record.beganAt)),
    };
  }
  if (record.outcome === "failed" || record.exit !== undefined) return record;
  return { ...record, exit: { at: Math.round(at), reason } };
}
