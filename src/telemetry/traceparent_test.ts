import assert from "node:assert/strict";
import fc from "fast-check";
import { samplerOf } from "./sampler.ts";
import { newSpanId, newTraceId } from "./span.ts";
import { formatTraceparent, maxTraceStateCharacters, parseTraceparent } from "./traceparent.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const span = "00f067aa0ba902b7";

Deno.test("a traceparent is read, with its sampled flag and tracestate", () => {
  assert.deepEqual(parseTraceparent(`00-${trace}-${span}-01`, "vendor=1"), {
    traceId: trace,
    spanId: span,
    sampled: true,
    traceState: "vendor=1",
  });
  assert.equal(parseTraceparent(`00-${trace}-${span}-00`)?.sampled, false);
  assert.equal(parseTraceparent(`cc-${trace}-${span}-01-what-comes-later`)?.traceId, trace);
  const long = "x".repeat(maxTraceStateCharacters + 1);
  assert.equal(parseTraceparent(`00-${trace}-${span}-01`, long)?.traceState, "");
});

Deno.test("what is no traceparent begins a new trace", () => {
  for (
    const header of [
      undefined,
      "",
      "00",
      `ff-${trace}-${span}-01`,
      `00-${trace}-${span}-01-more`,
      `00-${"0".repeat(32)}-${span}-01`,
      `00-${trace}-${"0".repeat(16)}-01`,
      `00-${trace.toUpperCase()}-${span}-01`,
    ]
  ) assert.equal(parseTraceparent(header), undefined, String(header));
});

Deno.test("own ids make a valid traceparent; any other text is read or refused, never an error", () => {
  fc.assert(fc.property(fc.boolean(), (sampled) => {
    const own = { traceId: newTraceId(), spanId: newSpanId(), sampled, traceState: "" };
    assert.deepEqual(parseTraceparent(formatTraceparent(own)), own);
  }));
  fc.assert(fc.property(fc.string(), (text) => void parseTraceparent(text)));
});

Deno.test("samplers follow the caller's decision where they are based on it", () => {
  const parent = (sampled: boolean) => ({ traceId: trace, spanId: span, sampled, traceState: "" });
  assert.equal(samplerOf("always_on", 1)(trace, parent(false)), true);
  assert.equal(samplerOf("always_off", 1)(trace, parent(true)), false);
  assert.equal(samplerOf("parentbased_always_on", 1)(trace, parent(false)), false);
  assert.equal(samplerOf("parentbased_always_on", 1)(trace, undefined), true);
  assert.equal(samplerOf("parentbased_always_off", 1)(trace, parent(true)), true);
  assert.equal(samplerOf("parentbased_always_off", 1)(trace, undefined), false);
  const kept = Array.from({ length: 2_000 }, newTraceId)
    .filter((id) => samplerOf("traceidratio", 0.25)(id, parent(true))).length;
  assert(kept > 350 && kept < 650, `${kept} of 2000`);
  assert.equal(samplerOf("parentbased_traceidratio", 0)(trace, undefined), false);
  assert.equal(samplerOf("parentbased_traceidratio", 1)(trace, undefined), true);
});
