/**
 * A trace on a terminal. Finished steps stay as lines, those of a launch below its name; under them
 * moves what runs: spinner, duration and its last output.
 */
import type { Terminal } from "../terminal.ts";
import { cutToWidth, printable, textWidth } from "./text-width.ts";
import { durationText, factsText, type TraceDisplay, type TracedStep } from "./trace-display.ts";

/** Of the output of a running step, so many last lines are shown. */
export const shownOutputLines = 5;
/** The spinner turns and the durations count this often. */
const redrawMs = 100;
const nameColumn = 10;
const durationColumn = 10;
const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
/** Where the terminal does not tell its size. */
const defaultColumns = 80;
const defaultRows = 24;
const clearDown = "\x1b[J";

type Style = (text: string) => string;

interface Styles {
  readonly dim: Style;
  readonly bold: Style;
  readonly good: Style;
  readonly bad: Style;
}

/** Colours, unless `NO_COLOR` asks for none. */
function stylesFor({ environment }: Terminal): Styles {
  const plain: Style = (text) => text;
  if (environment.NO_COLOR) return { dim: plain, bold: plain, good: plain, bad: plain };
  const code = (number: number): Style => (text) => `\x1b[${number}m${text}\x1b[0m`;
  return { dim: code(2), bold: code(1), good: code(32), bad: code(31) };
}

/** Text in a style, of which the width counts. */
interface Part {
  readonly text: string;
  readonly style?: Style;
}

export class LiveTrace implements TraceDisplay {
  readonly terminal: Terminal;
  readonly #styles: Styles;
  readonly #running = new Map<string, TracedStep>();
  /** Launches that have a heading. */
  readonly #groups = new Set<string>();
  #output: string[] = [];
  /** Widths of the lines that move. */
  #drawn: number[] = [];
  #frame = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(private readonly screen: Terminal, private readonly now: () => number) {
    this.#styles = stylesFor(screen);
    this.terminal = {
      ...screen,
      interrupted: screen.interrupted,
      onInterruption: (told) => screen.onInterruption(told),
      out: (text) => this.#above(() => screen.out(text)),
      outBytes: (bytes) => this.#above(() => screen.outBytes(bytes)),
      err: (text) => this.#above(() => screen.err(text)),
    };
    this.#timer = setInterval(() => {
      this.#frame++;
      this.#redraw();
    }, redrawMs);
  }

  get running(): number {
    return [...this.#running.values()].filter(({ group }) => group !== "").length;
  }

  step(step: TracedStep): void {
    const key = `${step.group} ${step.name}`;
    const lines: string[] = [];
    if (step.group !== "" && !this.#groups.has(step.group)) {
      this.#groups.add(step.group);
      lines.push(this.#line([{ text: "  " }, { text: step.where, style: this.#styles.bold }]).text);
    }
    if (step.outcome === "running") this.#running.set(key, step);
    else {
      this.#running.delete(key);
      const { good, bad } = this.#styles;
      const failed = step.outcome === "failed";
      // What a failed step wrote last is worth keeping.
      if (failed) lines.push(...this.#outputLines().map(({ text }) => text));
      if (step.group !== "" || failed) this.#output = [];
      const mark = failed ? { text: "✗", style: bad } : { text: "✓", style: good };
      lines.push(this.#stepLine(step, mark, step.durationMs).text);
    }
    if (lines.length === 0) this.#redraw();
    else this.#above(() => this.screen.err(lines.map((line) => `${line}\n`).join("")));
  }

  output(_at: number, _stream: string, text: string): void {
    const line = printable(text);
    if (line.trim() === "") return;
    this.#output = [...this.#output, line].slice(-shownOutputLines);
  }

  note(text: string): void {
    const line = this.#line([{ text: `  ${text}`, style: this.#styles.dim }]);
    this.terminal.err(`${line.text}\n`);
  }

  close(): void {
    clearInterval(this.#timer);
    this.screen.err(this.#erasure());
    this.#drawn = [];
    this.#running.clear();
  }

  #stepLine(step: TracedStep, mark: Part, ms: number) {
    const { group, name, where } = step;
    const instant = name === "ready" && ms === 0;
    const duration = instant ? "" : durationText(ms);
    const label = this.#groups.size > 1 && group !== "" ? where : "";
    const detail = [label, detailOf(step)].filter((part) => part !== "").join("  ");
    return this.#line([
      { text: group === "" ? "  " : "    " },
      mark,
      { text: ` ${name.padEnd(nameColumn)}${duration.padStart(durationColumn)}` },
      { text: detail === "" ? "" : `  ${printable(detail)}`, style: this.#styles.dim },
    ]);
  }

  #outputLines() {
    return this.#output.map((text) =>
      this.#line([{ text: "      │ ", style: this.#styles.dim }, { text, style: this.#styles.dim }])
    );
  }

  /** Parts one after the other, cut so that the terminal does not wrap them. */
  #line(parts: readonly Part[]): { readonly text: string; readonly width: number } {
    const room = this.#columns - 1;
    let width = 0;
    let line = "";
    for (const { text, style } of parts) {
      const shown = cutToWidth(text, room - width);
      width += textWidth(shown);
      line += style === undefined || shown === "" ? shown : style(shown);
    }
    return { text: line.trimEnd(), width };
  }

  get #columns(): number {
    return size(this.screen.columns) || defaultColumns;
  }

  /** Writes what stays, above what moves. */
  #above(write: () => void): void {
    const erasure = this.#erasure();
    if (erasure !== "") this.screen.err(erasure);
    this.#drawn = [];
    write();
    this.#redraw();
  }

  /** Back to where the moving lines began. A terminal that became narrower has wrapped them. */
  #erasure(): string {
    if (this.#drawn.length === 0) return "";
    const columns = this.#columns;
    const rows = this.#drawn.reduce(
      (sum, width) => sum + Math.max(1, Math.ceil(width / columns)),
      0,
    );
    return `\x1b[${rows}A\r${clearDown}`;
  }

  /** In one write, so that it does not flicker. */
  #redraw(): void {
    const mark = { text: spinner[this.#frame % spinner.length] };
    const steps = [...this.#running.values()];
    // The command's own step encloses those of the launches: it comes last, as when it has ended.
    const ordered = [
      ...steps.filter(({ group }) => group !== ""),
      ...steps.filter(({ group }) => group === ""),
    ].map((step) => ({
      own: step.group === "",
      line: this.#stepLine(step, mark, Math.max(0, this.now() - step.at)),
    }));
    const lines = steps.length === 0 ? [] : [
      ...ordered.filter(({ own }) => !own).map(({ line }) => line),
      ...this.#outputLines(),
      ...ordered.filter(({ own }) => own).map(({ line }) => line),
    ];
    // Lines that have left the screen could not be erased.
    const room = Math.max(1, (size(this.screen.rows) || defaultRows) - 1);
    const shown = lines.slice(-room);
    const erasure = this.#erasure();
    this.#drawn = shown.map(({ width }) => width);
    if (erasure === "" && shown.length === 0) return;
    this.screen.err(erasure + shown.map(({ text }) => `${text}\n`).join(""));
  }
}

/** 0 where it is not known: a terminal may go away while we write to it. */
function size(read: (() => number) | undefined): number {
  try {
    return read?.() ?? 0;
  } catch {
    return 0;
  }
}

/** What is known about a step, in words. */
function detailOf({ facts }: TracedStep): string {
  const { joined, runningForMs, afterMs, id, ...rest } = facts;
  const told = factsText(rest);
  return [
    joined === true
      ? `a build that had run for ${durationText(Number(runningForMs ?? 0))} already`
      : "",
    typeof afterMs === "number" ? `after ${durationText(afterMs)}` : "",
    typeof id === "string" ? shortId(id) : "",
    told,
  ].filter((part) => part !== "").join("  ");
}

/** Of a container's id the part that people use. */
function shortId(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
}
