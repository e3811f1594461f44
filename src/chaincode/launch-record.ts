/** What happened during launches: steps with durations, kept for `--trace`, `chaincode ps` and errors. */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { ChaincodeRuntime, OutputLine } from "../runtime/types.ts";
import type { LaunchEvent, LaunchFeed, WatchedLaunch } from "./launch-feed.ts";
import { LaunchOutput } from "./launch-output.ts";

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
  /** Counts the launches of this peer, from 1. */
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

/** Whom a recorder tells. */
export interface LaunchListeners {
  readonly clock: Clock;
  readonly feed: LaunchFeed;
  readonly observer: LaunchStepObserver | undefined;
  /** Told by how many characters more are held. */
  onOutput(recorder: LaunchRecorder, characters: number): void;
  onChange(recorder: LaunchRecorder): void;
}

/** A launch being recorded. */
export class LaunchRecorder implements WatchedLaunch {
  readonly output = new LaunchOutput();
  readonly #record: Mutable<LaunchRecord> & { steps: Mutable<LaunchStep>[]; txIds: string[] };

  constructor(private readonly listeners: LaunchListeners, record: LaunchRecord) {
    this.#record = { ...record, steps: [...record.steps], txIds: [...record.txIds] };
  }

  /** A launch that begins now. */
  static begin(
    listeners: LaunchListeners,
    number: number,
    name: string,
    version: string,
  ): LaunchRecorder {
    return new LaunchRecorder(listeners, {
      number,
      name,
      version,
      runtime: undefined,
      instanceId: undefined,
      beganAt: listeners.clock.now(),
      durationMs: undefined,
      outcome: "running",
      error: undefined,
      steps: [],
      exit: undefined,
      txIds: [],
    });
  }

  get number(): number {
    return this.#record.number;
  }

  get name(): string {
    return this.#record.name;
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
    this.listeners.onChange(this);
    if (this.listeners.feed.watched) this.listeners.feed.changed(this);
  }

  /** A line of the build or of the chaincode. */
  wrote(line: OutputLine): void {
    const { feed } = this.listeners;
    this.listeners.onOutput(this, this.output.add(line));
    this.listeners.onChange(this);
    if (feed.watched) feed.tell(this, { kind: "output", launch: this.number, line });
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
      beganAt: this.listeners.clock.now(),
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
    this.begin("ready", { afterMs: Math.round(this.listeners.clock.now() - this.#record.beganAt) });
    this.end("ready", "ok");
  }

  /** Closes the launch, and with it the steps that were still running. */
  finish(error?: unknown): void {
    if (this.#record.outcome !== "running") return;
    const failed = error !== undefined;
    for (const step of this.#record.steps) {
      if (step.outcome === "running") this.#finish(step, failed ? "failed" : "ok", {});
    }
    this.#record.durationMs = this.listeners.clock.now() - this.#record.beganAt;
    this.#record.outcome = failed ? "failed" : "ok";
    if (failed) this.#record.error = messageOf(error);
    this.#tellAll({ kind: "finished", launch: this.number, record: this.snapshot() });
  }

  /** The instance has ended; the first reason stands. */
  ended(reason: string): void {
    if (this.#record.exit !== undefined) return;
    this.#record.exit = { at: this.listeners.clock.now(), reason };
    this.#tellAll({ kind: "exited", launch: this.number, record: this.snapshot() });
  }

  #finish(
    step: Mutable<LaunchStep>,
    outcome: "ok" | "failed",
    facts: Record<string, unknown>,
  ): void {
    step.durationMs = this.listeners.clock.now() - step.beganAt;
    step.outcome = outcome;
    step.facts = { ...step.facts, ...facts };
    this.#tell(step);
  }

  #tell(step: LaunchStep): void {
    this.listeners.observer?.(`${this.#record.name}:${this.#record.version}`, { ...step });
    this.#tellAll({ kind: "step", launch: this.number, step: { ...step } });
  }

  #tellAll(event: LaunchEvent): void {
    this.listeners.onChange(this);
    if (this.listeners.feed.watched) this.listeners.feed.tell(this, event);
  }
}
