/** What happened during launches: steps with durations, kept for `--trace`, `chaincode ps` and errors. */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { ChaincodeRuntime } from "../runtime/types.ts";

/** Launches remembered per chaincode name. */
export const maxLaunchRecordsPerChaincode = 10;
/** Chaincode names remembered; the one whose last launch is oldest goes first. */
export const maxChaincodesWithRecords = 200;

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
}

/** Told of every step as it begins and ends. */
export type LaunchStepObserver = (instance: string, step: LaunchStep) => void;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A launch being recorded. */
export class LaunchRecorder {
  readonly #record: Mutable<LaunchRecord> & { steps: Mutable<LaunchStep>[] };

  constructor(
    name: string,
    version: string,
    private readonly clock: Clock,
    private readonly observer: LaunchStepObserver | undefined,
  ) {
    this.#record = {
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
    };
  }

  /** A copy of the record as it is now. */
  snapshot(): LaunchRecord {
    return { ...this.#record, steps: this.#record.steps.map((step) => ({ ...step })) };
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
  }

  ended(reason: string): void {
    this.#record.exit ??= { at: this.clock.now(), reason };
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
  }
}

/** The last launches of every chaincode, bounded. */
export class LaunchHistory {
  readonly #byName = new Map<string, LaunchRecorder[]>();

  constructor(
    private readonly clock: Clock,
    private readonly observer?: LaunchStepObserver,
  ) {}

  begin(name: string, version: string): LaunchRecorder {
    const recorder = new LaunchRecorder(name, version, this.clock, this.observer);
    const records = this.#byName.get(name) ?? [];
    records.push(recorder);
    if (records.length > maxLaunchRecordsPerChaincode) records.shift();
    // Re-inserted, so that the map's order is the order of last launches.
    this.#byName.delete(name);
    this.#byName.set(name, records);
    if (this.#byName.size > maxChaincodesWithRecords) {
      const [oldest] = this.#byName.keys();
      this.#byName.delete(oldest);
    }
    return recorder;
  }

  /** The newest launch of `name:version`. */
  latest(name: string, version: string): LaunchRecorder | undefined {
    return this.#byName.get(name)?.findLast((recorder) => recorder.version === version);
  }

  /** Oldest first; of one chaincode or of all. */
  records(name?: string): LaunchRecord[] {
    const recorders = name === undefined
      ? [...this.#byName.values()].flat()
      : this.#byName.get(name) ?? [];
    return recorders.map((recorder) => recorder.snapshot())
      .sort((a, b) => a.beganAt - b.beganAt);
  }
}
