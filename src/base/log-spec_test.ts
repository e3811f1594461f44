import assert from "node:assert/strict";
import fc from "fast-check";
import { DenimError } from "./errors.ts";
import { LogSpec } from "./log-spec.ts";

Deno.test("a level without a name is everyone's, the last one counts", () => {
  assert.equal(LogSpec.parse("").levelOf("endorser"), "info");
  assert.equal(LogSpec.parse("debug").levelOf("endorser"), "debug");
  assert.equal(LogSpec.parse("debug:WARNING").levelOf("endorser"), "warn");
  assert.equal(LogSpec.parse("debug:").levelOf("endorser"), "info");
});

Deno.test("a module has its own level, else that of the nearest parent", () => {
  const spec = LogSpec.parse("endorser,lscc=debug:gossip.state=error:gossip=warn:info");
  assert.equal(spec.levelOf("endorser"), "debug");
  assert.equal(spec.levelOf("lscc"), "debug");
  assert.equal(spec.levelOf("gossip.state.batch"), "error");
  assert.equal(spec.levelOf("gossip.comm"), "warn");
  assert.equal(spec.levelOf("gossipers"), "info");
});

Deno.test("a period at the end means this module and not those below it", () => {
  const spec = LogSpec.parse("gossip.=debug:warn");
  assert.equal(spec.levelOf("gossip"), "debug");
  assert.equal(spec.levelOf("gossip.state"), "warn");
});

Deno.test("what is as severe as the level or more is enabled", () => {
  const spec = LogSpec.parse("warn");
  assert.deepEqual(
    (["debug", "info", "warn", "error"] as const).map((level) => spec.enables("x", level)),
    [false, false, true, true],
  );
});

Deno.test("the normal form is Fabric's: loggers by name, then the default", () => {
  const text = (spec: string) => LogSpec.parse(spec).text;
  assert.equal(text(""), "info");
  assert.equal(text("warning:b=DEBUG:a,c=NOTICE"), "a=info:b=debug:c=info:warn");
  assert.equal(text("a=debug:a=fatal"), "a=fatal:info");
});

Deno.test("mistakes are refused with Fabric's words", () => {
  const cases: [string, string][] = [
    ["verbose", "bad segment 'verbose'"],
    ["Debug", "bad segment 'Debug'"],
    ["a=verbose", "bad segment 'a=verbose'"],
    ["a=b=debug", "bad segment 'a=b=debug'"],
    ["info:=debug", "no logger specified in segment '=debug'"],
    ["a,=debug", "bad logger name ''"],
    ["a b=debug", "bad logger name 'a b'"],
    [".a=debug", "bad logger name '.a'"],
    ["a..=debug", "bad logger name 'a..'"],
    ["constructor", "bad segment 'constructor'"],
  ];
  for (const [spec, reason] of cases) {
    assert.throws(() => LogSpec.parse(spec), {
      code: "invalid-log-spec",
      message: `invalid logging specification '${spec}': ${reason}`,
    });
  }
});

Deno.test("any text is read or refused, and its normal form means the same", () => {
  const piece = fc.constantFrom("a", "a.b", "a.", "debug", "WARN", "=", ":", ",", "", "é");
  const specs = fc.oneof(fc.string(), fc.array(piece).map((parts) => parts.join("")));
  fc.assert(fc.property(specs, (text) => {
    let spec: LogSpec;
    try {
      spec = LogSpec.parse(text);
    } catch (error) {
      assert.ok(error instanceof DenimError && error.code === "invalid-log-spec");
      return;
    }
    const again = LogSpec.parse(spec.text);
    assert.equal(again.text, spec.text);
    for (const module of ["a", "a.b", "a.b.c", "z"]) {
      assert.equal(again.levelOf(module), spec.levelOf(module));
    }
  }));
});
