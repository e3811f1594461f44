import assert from "node:assert/strict";
import { disabledMetrics } from "../../base/metrics.ts";
import { RecordingMetrics } from "../../base/metrics_testkit.ts";
import { createBuildMetrics } from "./build-metrics.ts";

Deno.test("the time of image builds is measured, and everything observed goes on", () => {
  const metrics = new RecordingMetrics();
  const seen: string[] = [];
  const observer = createBuildMetrics(metrics)?.observed({ name: "cc", version: "1" }, {
    step: (name, state) => seen.push(`${name} ${state}`),
    output: (line) => seen.push(line.text),
  });
  assert(observer);
  observer.step("build", "begin");
  observer.output({ at: 0, stream: "build", text: "a line" });
  observer.step("build", "end");
  observer.step("image", "begin");
  assert.deepEqual(metrics.lines(), []);
  observer.step("image", "end");
  observer.step("pull", "begin");
  observer.step("pull", "failed");
  assert.deepEqual(metrics.lines(), [
    "dockercontroller_chaincode_container_build_duration{cc:1,false} 1",
    "dockercontroller_chaincode_container_build_duration{cc:1,true} 1",
  ]);
  assert.deepEqual(seen.slice(0, 3), ["build begin", "a line", "build end"]);
  assert.equal(createBuildMetrics(disabledMetrics), undefined);
});
