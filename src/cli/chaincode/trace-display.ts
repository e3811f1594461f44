/** How a trace looks: a live display on a terminal, plain lines elsewhere. */
import type { Terminal } from "../terminal.ts";

/** One step, of the command itself or of a launch on a peer. */
export interface TracedStep {
  /** Tells steps of the same name apart: the launch, or "" for the command's own. */
  readonly group: string;
  readonly name: string;
  readonly at: number;
  readonly durationMs: number;
  readonly outcome: "running" | "ok" | "failed";
  /** One line of what else is known. */
  readonly detail: string;
}

export interface TraceDisplay {
  /** What the command logs and prints goes through here, so that it does not tear the display. */
  readonly terminal: Terminal;
  step(step: TracedStep): void;
  output(at: number, stream: string, text: string): void;
  note(text: string): void;
  /** Server-side steps that have begun and not ended. */
  readonly running: number;
  /** Leaves the finished steps on the screen; what still ran is left out. */
  close(): void;
}

/** Of the output of a running step, so many last lines are shown on a terminal. */
export const shownOutputLines = 5;
/** The spinner turns and the durations count this often. */
const redrawMs = 100;
const stepColumn = 10;
const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const dim = (text: string) => `\x1b[2m${text}\x1b[0m`;
const clearDown = "\x1b[J";

/** `12:00:00.123`, local time. */
export function clockTime(at: number): string {
  const date = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${
    String(date.getMilliseconds()).padStart(3, "0")
  }`;
}

/** `12 ms`, `3.4 s`, `2 min 05 s`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** What a program wrote, without what would move the cursor. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, "").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "");
}

/** One line an event: `12:00:00.123  build     begin …`. */
export class PlainTrace implements TraceDisplay {
  readonly #running = new Set<string>();

  constructor(readonly terminal: Terminal) {}

  get running(): number {
    return this.#running.size;
  }

  step({ group, name, at, durationMs, outcome, detail }: TracedStep): void {
    const key = `${group} ${name}`;
    const state = outcome === "running" ? "begin" : `${outcome}  ${durationText(durationMs)}`;
    if (outcome !== "running") this.#running.delete(key);
    else if (group !== "") this.#running.add(key);
    this.#line(outcome === "running" ? at : at + durationMs, name, `${state}  ${detail}`);
  }

  output(at: number, stream: string, text: string): void {
    this.#line(at, stream, `| ${printable(text)}`);
  }

  note(text: string): void {
    this.terminal.err(`trace: ${text}\n`);
  }

  close(): void {}

  #line(at: number, name: string, text: string): void {
    this.terminal.err(`${clockTime(at)}  ${name.padEnd(stepColumn)}${text.trimEnd()}\n`);
  }
}

/** Finished steps stay as lines; below them what runs, with spinner, duration and its last output. */
export class LiveTrace implements TraceDisplay {
  readonly terminal: Terminal;
  readonly #running = new Map<string, TracedStep>();
  #output: string[] = [];
  #drawn = 0;
  #frame = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(private readonly screen: Terminal, private readonly now: () => number) {
    this.terminal = {
      ...screen,
      interrupted: screen.interrupted,
      onInterruption: () => screen.onInterruption(),
      out: (text) => this.#above(() => screen.out(text)),
      outBytes: (bytes) => this.#above(() => screen.outBytes(bytes)),
      err: (text) => this.#above(() => screen.err(text)),
    };
    this.#timer = setInterval(() => {
      this.#frame++;
      this.#draw();
    }, redrawMs);
  }

  get running(): number {
    return [...this.#running.values()].filter(({ group }) => group !== "").length;
  }

  step(step: TracedStep): void {
    const key = `${step.group} ${step.name}`;
    if (step.outcome === "running") {
      this.#running.set(key, step);
      this.#draw();
      return;
    }
    this.#running.delete(key);
    const failed = step.outcome === "failed";
    // What a failed step wrote last is worth keeping.
    const kept = failed ? this.#output.map((line) => dim(`      ${line}`)) : [];
    this.#output = [];
    const mark = failed ? "\x1b[31m✗\x1b[0m" : "\x1b[32m✓\x1b[0m";
    const lines = [...kept, `  ${mark} ${this.#stepText(step, step.durationMs)}`];
    this.#above(() => this.screen.err(lines.map((line) => `${line}\n`).join("")));
  }

  output(_at: number, _stream: string, text: string): void {
    this.#output.push(this.#fit(printable(text), 6));
    this.#output = this.#output.slice(-shownOutputLines);
  }

  note(text: string): void {
    this.terminal.err(`  ${dim(text)}\n`);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#erase();
    this.#running.clear();
  }

  #stepText({ name, detail }: TracedStep, ms: number): string {
    const head = `${name.padEnd(stepColumn)}${durationText(ms).padStart(8)}`;
    const room = this.#fit(detail, head.length + 6);
    return room === "" ? head : `${head}  ${dim(room)}`;
  }

  #fit(text: string, used: number): string {
    const room = Math.max(0, (this.screen.columns?.() ?? 80) - used - 1);
    return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
  }

  /** Writes what stays, above what moves. */
  #above(write: () => void): void {
    this.#erase();
    write();
    this.#draw();
  }

  #erase(): void {
    if (this.#drawn > 0) this.screen.err(`\x1b[${this.#drawn}A\r${clearDown}`);
    this.#drawn = 0;
  }

  #draw(): void {
    const turn = spinner[this.#frame % spinner.length];
    const lines = [
      ...[...this.#running.values()].map((step) =>
        `  ${turn} ${this.#stepText(step, Math.max(0, this.now() - step.at))}`
      ),
      ...this.#output.map((line) => dim(`      ${line}`)),
    ];
    this.#erase();
    if (this.#running.size === 0) return;
    this.screen.err(lines.map((line) => `${line}\n`).join(""));
    this.#drawn = lines.length;
  }
}
