import assert from "node:assert/strict";
import fc from "fast-check";
import { parseDuration } from "./duration.ts";

Deno.test("durations are read in Go's units", () => {
  assert.equal(parseDuration("300s"), 300_000);
  assert.equal(parseDuration("1500ms"), 1_500);
  assert.equal(parseDuration("1h2m3.5s"), 3_723_500);
  assert.equal(parseDuration("-10ms"), -10);
  assert.equal(parseDuration(".5s"), 500);
  assert.equal(parseDuration("250us"), 0.25);
});

Deno.test("a number without unit counts nanoseconds, as in viper", () => {
  assert.equal(parseDuration("0"), 0);
  assert.equal(parseDuration("3000000000"), 3_000);
});

Deno.test("what is not a duration gives undefined", () => {
  for (const wrong of ["", "-", "abc", "10 s", "10x", "1.2.3s", "s", "99999999999999h", "1d"]) {
    assert.equal(parseDuration(wrong), undefined, wrong);
  }
});

Deno.test("any text is answered", () => {
  fc.assert(fc.property(fc.string(), (anything) => {
    const read = parseDuration(anything);
    return read === undefined || Number.isFinite(read);
  }));
});
