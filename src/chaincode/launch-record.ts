/** What happened during launches: steps with durations, kept for `--trace`, `chaincode ps` and errors. */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { ChaincodeRuntime, OutputLine } from "../runtime/types.ts";
import { type LaunchEvent, LaunchFeed, type WatchedLaunch } from "./launch-feed.ts";
import { LaunchOutput, maxKeptCharacters } from "./launch-output.ts";

/** Launches remembered per chaincode name. */
export const maxLaunchRecordsPerChaincode = 10;
/** Chaincode names remembered; the one whose last launch is oldest goes first. */
export const maxChaincodesWithRecords = 200;

/** Transactions remembered of one launch: those that asked for it first. */
export const maxTransactionsPerLaunch = 100;

export type LaunchOutcome = "running" | "ok" | "failed";

/** One step: `package`, `build`, `image`, `tls`, `create`, `upload`, `start`, `register`, `init`, … */
export interface LaunchStep {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly beganAt: number;
  readonly durationMs: number | undefined;
  readonly outcome: LaunchOutcome;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface LaunchRecord {
  /** Counts from the start of the peer, from 1. */
  readonly number: number;
  readonly name: string;
  readonly version: string;
  readonly runtime: ChaincodeRuntime["kind"] | undefined;
  /** Container id or pid. */
  readonly instanceId: string | undefined;
  readonly beganAt: number;
  readonly durationMs: number | undefined;
  readonly outcome: LaunchOutcome;
  readonly error: string | undefined;
  readonly steps: readonly LaunchStep[];
  /** When and how the instance ended, where it has. */
  readonly exit: { readonly at: number; readonly reason: string } | undefined;
  /** Transactions that asked for it. */
  readonly txIds: readonly string[];
}

/** Told of every step as it begins and ends. */
export type LaunchStepObserver = (instance: string, step: LaunchStep) => void;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A launch being recorded. */
export class LaunchRecorder implements WatchedLaunch {
  readonly output = new LaunchOutput();
  readonly #record: Mutable<LaunchRecord> & { steps: Mutable<LaunchStep>[]; txIds: string[] };

  constructor(
    readonly number: number,
    name: string,
    version: string,
    private readonly clock: Clock,
    private readonly feed: LaunchFeed,
    private readonly observer: LaunchStepObserver | undefined,
    private readonly onOutput: (characters: number) => void = () => {},
  ) {
    this.#record = {
      number,
      name,
      version,
      runtime: undefined,
      instanceId: undefined,
      beganAt: clock.now(),
      durationMs: undefined,
      outcome: "running",
      error: undefined,
      steps: [],
      exit: undefined,
      txIds: [],
    };
  }

  /** A copy of the record as it is now. */
  snapshot(): LaunchRecord {
    const { steps, txIds } = this.#record;
    return { ...this.#record, steps: steps.map((step) => ({ ...step })), txIds: [...txIds] };
  }

  /** Steps and output so far in the order of their times, and the end where it is over. */
  past(): LaunchEvent[] {
    const launch = this.number;
    const record = this.snapshot();
    const timed: { at: number; event: LaunchEvent }[] = record.steps.flatMap((step) => {
      const running: LaunchStep = { ...step, durationMs: undefined, outcome: "running" };
      const begun = { at: step.beganAt, event: { kind: "step", launch, step: running } as const };
      if (step.durationMs === undefined) return [begun];
      const at = step.beganAt + step.durationMs;
      return [begun, { at, event: { kind: "step", launch, step } as const }];
    });
    for (const line of this.output.lines()) {
      timed.push({ at: line.at, event: { kind: "output", launch, line } });
    }
    const events = timed.toSorted((a, b) => a.at - b.at).map(({ event }) => event);
    if (record.outcome !== "running") events.push({ kind: "finished", launch, record });
    if (record.exit !== undefined) events.push({ kind: "exited", launch, record });
    return events;
  }

  /** Nothing more will come of it. */
  get over(): boolean {
    return this.#record.outcome === "failed" || this.#record.exit !== undefined;
  }

  /** A transaction that waits for this launch. */
  wantedBy(txId: string): void {
    const { txIds } = this.#record;
    if (txIds.length >= maxTransactionsPerLaunch || txIds.includes(txId)) return;
    txIds.push(txId);
    if (this.feed.watched) this.feed.changed(this);
  }

  /** A line of the build or of the chaincode. */
  wrote(line: OutputLine): void {
    this.onOutput(this.output.add(line));
    if (this.feed.watched) this.feed.tell(this, { kind: "output", launch: this.number, line });
  }

  get version(): string {
    return this.#record.version;
  }

  runsIn(runtime: ChaincodeRuntime["kind"]): void {
    this.#record.runtime = runtime;
  }

  runsAs(instanceId: string): void {
    this.#record.instanceId = instanceId;
  }

  begin(name: string, facts: Record<string, unknown> = {}): void {
    const step: Mutable<LaunchStep> = {
      name,
      beganAt: this.clock.now(),
      durationMs: undefined,
      outcome: "running",
      facts,
    };
    this.#record.steps.push(step);
    this.#tell(step);
  }

  end(name: string, outcome: "ok" | "failed", facts: Record<string, unknown> = {}): void {
    const step = this.#record.steps.findLast((s) => s.name === name && s.outcome === "running");
    if (step === undefined) return;
    this.#finish(step, outcome, facts);
  }

  /** Records `work` as one step. */
  async step<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.begin(name);
    try {
      const result = await work();
      this.end(name, "ok");
      return result;
    } catch (error) {
      this.end(name, "failed", { error: messageOf(error) });
      throw error;
    }
  }

  /** The moment of READY, as a step without duration. */
  ready(): void {
    this.begin("ready", { afterMs: Math.round(this.clock.now() - this.#record.beganAt) });
    this.end("ready", "ok");
  }

  /** Closes the launch, and with it the steps that were still running. */
  finish(error?: unknown): void {
    if (this.#record.outcome !== "running") return;
    const failed = error !== undefined;
    for (const step of this.#record.steps) {
      if (step.outcome === "running") this.#finish(step, failed ? "failed" : "ok", {});
    }
    this.#record.durationMs = this.clock.now() - this.#record.beganAt;
    this.#record.outcome = failed ? "failed" : "ok";
    if (failed) this.#record.error = messageOf(error);
    const record = this.snapshot();
    this.feed.tell(this, { kind: "finished", launch: this.number, record });
  }

  /** The instance has ended; the first reason stands. */
  ended(reason: string): void {
    if (this.#record.exit !== undefined) return;
    this.#record.exit = { at: this.clock.now(), reason };
    const record = this.snapshot();
    this.feed.tell(this, { kind: "exited", launch: this.number, record });
  }

  #finish(
    step: Mutable<LaunchStep>,
    outcome: "ok" | "failed",
    facts: Record<string, unknown>,
  ): void {
    step.durationMs = this.clock.now() - step.beganAt;
    step.outcome = outcome;
    step.facts = { ...step.facts, ...facts };
    this.#tell(step);
  }

  #tell(step: LaunchStep): void {
    this.observer?.(`${this.#record.name}:${this.#record.version}`, { ...step });
    if (!this.feed.watched) return;
    this.feed.tell(this, { kind: "step", launch: this.number, step: { ...step } });
  }
}

/** The last launches of every chaincode, bounded. */
export class LaunchHistory {
  readonly #byName = new Map<string, LaunchRecorder[]>();
  readonly #feed = new LaunchFeed();
  #last = 0;
  /** Characters of output held by all launches. */
  #held = 0;

  constructor(
    private readonly clock: Clock,
    private readonly observer?: LaunchStepObserver,
  ) {}

  begin(name: string, version: string): LaunchRecorder {
    const recorder = new LaunchRecorder(
      ++this.#last,
      name,
      version,
      this.clock,
      this.#feed,
      this.observer,
      (characters) => this.#limitOutput(recorder, characters),
    );
    const records = this.#byName.get(name) ?? [];
    records.push(recorder);
    if (records.length > maxLaunchRecordsPerChaincode) {
      const over = records.findIndex((record) => record.over);
      for (const gone of records.splice(Math.max(over, 0), 1)) this.#held -= gone.output.clear();
    }
    // Re-inserted, so that the map's order is the order of last launches.
    this.#byName.delete(name);
    this.#byName.set(name, records);
    if (this.#byName.size > maxChaincodesWithRecords) {
      const [[oldest, gone]] = this.#byName;
      for (const { output } of gone) this.#held -= output.clear();
      this.#byName.delete(oldest);
    }
    return recorder;
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
  prune(): { readonly launch: LaunchRecord; readonly characters: number }[] {
    const forgotten: { launch: LaunchRecord; characters: number }[] = [];
    for (const [name, records] of this.#byName) {
      const newest = records.at(-1);
      const keep = records.filter((recorder) => recorder === newest || !recorder.over);
      for (const recorder of records) {
        if (keep.includes(recorder)) continue;
        const characters = recorder.output.clear();
        this.#held -= characters;
        forgotten.push({ launch: recorder.snapshot(), characters });
      }
      this.#byName.set(name, keep);
    }
    return forgotten;
  }

  /** Ends every watch. */
  close(): void {
    this.#feed.close();
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
