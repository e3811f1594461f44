import assert from "node:assert/strict";
import { LogSpec } from "./log-spec.ts";
import { LogWriter } from "./log-writer.ts";
import { silentLogger } from "./logger.ts";

function testLog(spec = "", coloured = false) {
  const lines: string[] = [];
  const log = new LogWriter({
    write: (line) => lines.push(line),
    clock: { now: () => Date.UTC(2019, 6, 9, 1, 2, 3, 45) },
    spec: LogSpec.parse(spec),
    coloured,
  });
  return { log, lines };
}

Deno.test("a line has time, module, level and number, as Fabric's have", () => {
  const { log, lines } = testLog();
  log.logger("endorser").info("entry 0");
  for (let i = 1; i < 16; i++) log.logger("lscc").warn(`entry ${i}`);
  assert.equal(lines[0], "2019-07-09 01:02:03.045 UTC [endorser] -> INFO 001 entry 0\n");
  assert.equal(lines[15], "2019-07-09 01:02:03.045 UTC [lscc] -> WARN 010 entry 15\n");
});

Deno.test("facts follow as key=value, quoted where they would be ambiguous", () => {
  const { log, lines } = testLog();
  log.logger("x").error("done", {
    plain: "a/b",
    spaced: "a b",
    empty: "",
    quoted: 'say "hi"',
    count: 3,
    height: 12n,
    list: [1, 2n],
    cause: new Error("it broke"),
    missing: undefined,
    nothing: null,
  });
  assert.ok(
    lines[0].endsWith(
      ' done plain=a/b spaced="a b" empty="" quoted="say \\"hi\\"" count=3 height=12 ' +
        'list="[1,\\"2\\"]" cause="it broke" nothing=null\n',
    ),
    lines[0],
  );
});

Deno.test("a fact that cannot be written does not end who logs it", () => {
  const { log, lines } = testLog();
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const hostile = {
    toJSON() {
      throw new Error("no");
    },
  };
  log.logger("x").info("odd", { circle, hostile, f: () => 1, s: Symbol("s") });
  assert.match(lines[0], /circle="\(not writable\)" hostile="\(not writable\)" f=/);
});

Deno.test("levels filter by module, change while running, and a bad change changes nothing", () => {
  const { log, lines } = testLog("warn");
  const logger = log.logger("a");
  logger.info("hidden");
  log.activate("a=debug:error");
  logger.debug("shown");
  logger.named("b").warn("hidden");
  assert.throws(() => log.activate("loud"), { code: "invalid-log-spec" });
  logger.debug("still shown");
  assert.equal(lines.length, 2);
  assert.equal(log.spec.text, "a=debug:error");
});

Deno.test("an observer hears of entries that are checked and of those that are written, until it ends", () => {
  const { log } = testLog("other=info:warn");
  const checked: string[] = [];
  const written: string[] = [];
  const end = log.observe({
    checked: (level) => checked.push(level),
    written: (level) => written.push(level),
  });
  log.logger("a").debug("hidden from all");
  log.logger("a").info("hidden");
  log.logger("a").error("shown");
  end();
  log.logger("a").error("unheard");
  assert.deepEqual([checked, written], [["info", "error"], ["error"]]);
});

Deno.test("colours are for terminals", () => {
  const { log, lines } = testLog("", true);
  log.logger("x").error("red");
  assert.ok(lines[0].startsWith("\x1b[31m2019"));
  assert.ok(lines[0].endsWith("ERRO 001\x1b[0m red\n"));
});

Deno.test("the silent logger takes everything", () => {
  silentLogger.named("x").error("nothing is written", { a: 1 });
});
