import assert from "node:assert/strict";
import { samplerOf } from "../telemetry/sampler.ts";
import type { Span, SpanContext } from "../telemetry/span.ts";
import { LaunchHistory } from "./launch-history.ts";
import { LaunchSpans } from "./launch-spans.ts";

const client: SpanContext = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  sampled: true,
  traceState: "v=1",
};

function launches(proposals: Record<string, SpanContext> = {}) {
  let now = 1_000;
  const history = new LaunchHistory({ now: () => now += 10 });
  const spans: Span[] = [];
  const recorded = new LaunchSpans({
    proposalSpan: (txId) => proposals[txId],
    sampler: samplerOf("parentbased_always_on", 1),
    add: (span) => void spans.push(span),
  });
  const reading = recorded.follow(history.watch(() => true, new AbortController().signal));
  const end = async () => {
    history.close();
    await reading;
    return spans;
  };
  return { history, end };
}

Deno.test("a launch is one span in the trace of who asked first, its steps are children, INIT too", async () => {
  const other = { ...client, spanId: "1111111111111111" };
  const { history, end } = launches({ tx1: client, tx2: other });
  const recorder = history.begin("asset", "1.0");
  recorder.wantedBy("tx1");
  recorder.wantedBy("tx2");
  recorder.runsIn("process");
  await recorder.step("package", () => {});
  recorder.begin("start", { image: "x" });
  recorder.end("start", "ok", { id: "pid 7" });
  recorder.finish();
  await recorder.step("init", () => {});
  const [launch, ...steps] = await end();
  assert.equal(launch.name, "launch asset:1.0");
  assert.equal(launch.context.traceId, client.traceId);
  assert.equal(launch.context.traceState, "v=1");
  assert.equal(launch.parentSpanId, client.spanId);
  assert.deepEqual(launch.links, [other]);
  assert.equal(launch.error, undefined);
  assert.equal(launch.attributes["fabric.chaincode.name"], "asset");
  assert.deepEqual(launch.attributes["fabric.transaction.ids"], ["tx1", "tx2"]);
  assert.deepEqual(steps.map(({ name }) => name), ["package", "start", "init"]);
  for (const { context, parentSpanId, beganAtMs, endedAtMs } of steps) {
    assert.equal(context.traceId, client.traceId);
    assert.equal(parentSpanId, launch.context.spanId);
    assert(endedAtMs > beganAtMs);
  }
  assert.deepEqual(steps[1].attributes, {
    "fabric.chaincode.name": "asset",
    "fabric.chaincode.version": "1.0",
    "denim.launch.number": 1,
    "denim.step.image": "x",
    "denim.step.id": "pid 7",
  });
});

Deno.test("a failed launch and its failed step carry the cause", async () => {
  const { history, end } = launches();
  const recorder = history.begin("asset", "1.0");
  recorder.begin("build");
  recorder.end("build", "failed", { error: "no such module" });
  recorder.begin("left");
  recorder.finish(new Error("container exited with 137: out of memory"));
  const [launch, build, left] = await end();
  assert.match(launch.error ?? "", /137: out of memory/);
  assert.match(String(launch.events[0].attributes["exception.message"]), /137/);
  assert.equal(launch.parentSpanId, undefined);
  assert.equal(build.error, "no such module");
  assert.equal(left.error, "the launch ended during this step");
});

Deno.test("a launch for a proposal whose trace is not recorded is not recorded", async () => {
  const { history, end } = launches({ tx1: { ...client, sampled: false } });
  const recorder = history.begin("asset", "1.0");
  recorder.wantedBy("tx1");
  recorder.finish();
  await recorder.step("init", () => {});
  assert.deepEqual(await end(), []);
});
