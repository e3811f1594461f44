import assert from "node:assert/strict";
import fc from "fast-check";
import { formatGoDuration, parseGoDuration } from "./duration.ts";

Deno.test("durations print as in Go", () => {
  const cases: [number, string][] = [
    [0, "0s"],
    [1_000, "1s"],
    [1_500, "1.5s"],
    [90_000, "1m30s"],
    [3_600_000, "1h0m0s"],
    [20, "20ms"],
    [0.25, "250µs"],
    [0.000001, "1ns"],
    [-2_000, "-2s"],
  ];
  for (const [milliseconds, text] of cases) assert.equal(formatGoDuration(milliseconds), text);
});

Deno.test("a number without unit is no duration, but for zero", () => {
  assert.equal(parseGoDuration("10"), undefined);
  assert.equal(parseGoDuration("0"), 0);
});

Deno.test("what was printed reads back the same", () => {
  fc.assert(fc.property(fc.integer({ min: -1e10, max: 1e10 }), (milliseconds) => {
    assert.equal(parseGoDuration(formatGoDuration(milliseconds)), milliseconds);
  }));
});
