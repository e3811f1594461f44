import assert from "node:assert/strict";
import fc from "fast-check";
import type { Terminal } from "../terminal.ts";
import { LiveTrace, shownOutputLines } from "./live-trace.ts";
import { cutToWidth, printable, textWidth } from "./text-width.ts";
import type { TracedStep } from "./trace-display.ts";

/** A screen with scrollback that does what terminals do with the sequences that are used. */
class Screen {
  lines: string[] = [""];
  #row = 0;
  #column = 0;
  /** Everything that was written. */
  written = "";

  constructor(readonly columns: number, readonly rows: number) {}

  write(text: string): void {
    this.written += text;
    // deno-lint-ignore no-control-regex
    for (const part of text.match(/\x1b\[[0-9;?]*[A-Za-z]|[^]/gu) ?? []) this.#take(part);
  }

  #take(part: string): void {
    if (part === "\r") this.#column = 0;
    else if (part === "\n") this.#newLine();
    else if (part.endsWith("A") && part.length > 1) {
      const top = Math.max(0, this.lines.length - this.rows);
      this.#row = Math.max(top, this.#row - Number(part.slice(2, -1)));
    } else if (part === "\x1b[J") {
      this.lines.length = this.#row + 1;
      this.lines[this.#row] = this.lines[this.#row].slice(0, this.#column);
    } else if (!part.startsWith("\x1b")) {
      if (this.#column + textWidth(part) > this.columns) this.#newLine();
      this.lines[this.#row] += part;
      this.#column += textWidth(part);
    }
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    if (this.#row === this.lines.length) this.lines.push("");
  }
}

function show(
  { columns = 80, rows = 24, environment = { NO_COLOR: "1" } }: {
    columns?: number;
    rows?: number;
    environment?: Record<string, string>;
  } = {},
) {
  const screen = new Screen(columns, rows);
  const never = new AbortController().signal;
  const terminal: Terminal = {
    out: (text) => screen.write(text),
    outBytes() {},
    err: (text) => screen.write(text),
    isTerminal: true,
    columns: () => columns,
    rows: () => rows,
    environment,
    workingDirectory: "/",
    interrupted: never,
    onInterruption: () => never,
  };
  return { screen, trace: new LiveTrace(terminal, () => 5_000) };
}

const begun = (name: string, more: Partial<TracedStep> = {}): TracedStep => ({
  group: "peer 1",
  name,
  at: 3_800,
  durationMs: 0,
  outcome: "running",
  where: "asset:1.0",
  facts: {},
  ...more,
});
const ended = (name: string, durationMs: number, more: Partial<TracedStep> = {}) =>
  begun(name, { durationMs, outcome: "ok", ...more });
const own = { group: "", where: "" };

Deno.test("finished steps stay below their launch, what runs moves under them with its last output", () => {
  const { screen, trace } = show();
  trace.step(begun("endorse", own));
  trace.step(begun("package"));
  trace.step(ended("package", 1));
  trace.step(begun("build", { facts: { joined: true, runningForMs: 1_235 } }));
  for (let i = 0; i < 9; i++) trace.output(0, "build", `line ${i}`);
  assert.equal(trace.running, 1);
  trace.terminal.err("a log line\n");
  assert.deepEqual(screen.lines, [
    "  asset:1.0",
    "    ✓ package         1 ms",
    "a log line",
    "    ⠋ build          1.2 s  a build that had run for 1.2 s already",
    ...Array.from({ length: shownOutputLines }, (_, i) => `      │ line ${i + 4}`),
    "  ⠋ endorse        1.2 s",
    "",
  ]);
  trace.step(ended("build", 61_000));
  trace.step(ended("start", 20, { facts: { id: "ab".repeat(32) } }));
  trace.step(ended("ready", 0, { facts: { afterMs: 62_000 } }));
  trace.step(ended("endorse", 63_000, own));
  trace.close();
  assert.deepEqual(screen.lines, [
    "  asset:1.0",
    "    ✓ package         1 ms",
    "a log line",
    "    ✓ build     1 min 01 s",
    "    ✓ start          20 ms  abababababab",
    "    ✓ ready                 after 1 min 02 s",
    "  ✓ endorse   1 min 03 s",
    "",
  ]);
});

Deno.test("a failed step keeps what it wrote last; what still ran at the end leaves no trace", () => {
  const { screen, trace } = show();
  trace.step(begun("endorse", own));
  trace.step(begun("register"));
  trace.output(0, "stderr", "\x1b[31mTypeError\x1b[0m: no\tsuch\x07 thing\r");
  trace.step(ended("register", 5, { outcome: "failed", facts: { error: "exited\nmore" } }));
  trace.close();
  assert.deepEqual(screen.lines, [
    "  asset:1.0",
    "      │ TypeError: no  such thing",
    "    ✗ register        5 ms  exited",
    "",
  ]);
});

Deno.test("launches on several peers are told apart", () => {
  const { screen, trace } = show();
  for (const port of [1, 2]) {
    const at = { group: `localhost:${port} 1`, where: `asset:1.0 at localhost:${port}` };
    trace.step(begun("start", at));
    trace.step(ended("start", 1, at));
  }
  trace.close();
  assert.match(screen.lines.at(-2) ?? "", /✓ start +1 ms {2}asset:1.0 at localhost:2$/);
});

Deno.test("colours come unless NO_COLOR is set", () => {
  for (const [environment, coloured] of [[{ NO_COLOR: "1" }, false], [{}, true]] as const) {
    const { screen, trace } = show({ environment });
    trace.step(begun("build", { facts: { image: "x" } }));
    trace.output(0, "build", "line");
    trace.step(ended("build", 1, { facts: { image: "x" } }));
    trace.close();
    // deno-lint-ignore no-control-regex
    assert.equal(/\x1b\[\d+m/.test(screen.written), coloured);
    assert.equal(screen.lines.at(-2)?.trim(), "✓ build           1 ms  image=x");
  }
});

Deno.test("on a terminal of any size nothing wraps and nothing that moved is left behind", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.constantFrom("建構中…".repeat(9), "✔ 🚀 done"),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 2, max: 12 }),
      fc.array(word, { maxLength: 8 }),
      (columns, rows, words) => {
        const { screen, trace } = show({ columns, rows });
        trace.step(begun("endorse", own));
        for (const text of words) {
          trace.step(begun("build", { facts: { image: text } }));
          trace.output(0, "build", text);
          trace.step(ended("build", 1, { facts: { image: text } }));
        }
        trace.step(begun("start"));
        trace.close();
        assert.equal(screen.lines.length, words.length + 2, JSON.stringify(screen.lines));
        for (const line of screen.lines) {
          assert(textWidth(line) < Math.max(columns, 2));
          assert(!/[⠋⠙⠹⠸]/.test(line));
        }
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("text is measured and cut in cells; control sequences do not come through", () => {
  assert.equal(textWidth("abc建🚀e\u0301"), 8);
  assert.equal(cutToWidth("建構中", 6), "建構中");
  assert.equal(cutToWidth("建構中", 5), "建構…");
  assert.equal(cutToWidth("建構中", 4), "建…");
  assert.equal(cutToWidth("abc", 0), "");
  assert.equal(printable("\x1b]0;title\x07a\x1b[2Kb\x9b1mc\td"), "ab1mc  d");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, room) => {
    assert(textWidth(cutToWidth(text, room)) <= room);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f\x7f-\x9f]/.test(printable(text)));
  }));
});
