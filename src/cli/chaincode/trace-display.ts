/** How a trace looks: a live display on a terminal, plain lines elsewhere. */
import type { Terminal } from "../terminal.ts";
import { printable } from "./text-width.ts";

/** One step, of the command itself or of a launch on a peer. */
export interface TracedStep {
  /** Tells steps of the same name apart: peer and launch, or "" for the command's own. */
  readonly group: string;
  readonly name: string;
  readonly at: number;
  readonly durationMs: number;
  readonly outcome: "running" | "ok" | "failed";
  /** What it belongs to, for people: `asset:1.0 at localhost:7051`; "" for the command's own. */
  readonly where: string;
  /** What else is known. */
  readonly facts: Readonly<Record<string, unknown>>;
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

const stepColumn = 10;

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
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** `image=x id=1`: what is short enough for a line; errors in their first line. */
export function factsText(facts: TracedStep["facts"]): string {
  return Object.entries(facts)
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value))
    .map(([name, value]) =>
      name === "error" ? String(value).split("\n", 1)[0] : `${name}=${String(value)}`
    )
    .join(" ");
}

/** One line an event: `12:00:00.123  build     begin …`. */
export class PlainTrace implements TraceDisplay {
  readonly #running = new Set<string>();

  constructor(readonly terminal: Terminal) {}

  get running(): number {
    return this.#running.size;
  }

  step({ group, name, at, durationMs, outcome, where, facts }: TracedStep): void {
    const key = `${group} ${name}`;
    const state = outcome === "running" ? "begin" : `${outcome}  ${durationText(durationMs)}`;
    if (outcome !== "running") this.#running.delete(key);
    else if (group !== "") this.#running.add(key);
    const detail = [where, factsText(facts)].filter((part) => part !== "").join("  ");
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
