import assert from "node:assert/strict";
import { DenimError } from "../base/errors.ts";
import { disabledMetrics } from "../base/metrics.ts";
import { RecordingMetrics } from "../base/metrics_testkit.ts";
import { createChaincodeMetrics } from "./metrics.ts";

function recorded() {
  const provider = new RecordingMetrics();
  const metrics = createChaincodeMetrics(provider);
  assert(metrics);
  return { provider, metrics };
}

Deno.test("every wait for a launch is measured, every failed launch counted once", async () => {
  const { provider, metrics } = recorded();
  assert.equal(await metrics.launch("cc:1", Promise.resolve(5)), 5);
  const failure = new DenimError("build-failed", "no");
  for (let waiter = 0; waiter < 3; waiter++) {
    await assert.rejects(metrics.launch("cc:1", Promise.reject(failure)), failure);
  }
  await assert.rejects(
    metrics.launch("cc:1", Promise.reject(new DenimError("launch-timeout", "late"))),
  );
  await assert.rejects(metrics.launch("cc:1", Promise.reject(new DenimError("cancelled", "gone"))));
  assert.deepEqual(provider.lines(), [
    "chaincode_launch_duration{cc:1,false} 5",
    "chaincode_launch_duration{cc:1,true} 1",
    "chaincode_launch_failures{cc:1} 1",
    "chaincode_launch_timeouts{cc:1} 1",
  ]);
});

Deno.test("shim requests are counted by type, channel and chaincode; execution timeouts too", () => {
  const { provider, metrics } = recorded();
  metrics.shimRequest("GET_STATE", "ch", "cc:1")(true);
  metrics.shimRequest("GET_STATE", "ch", "cc:1");
  metrics.shimRequest("PUT_STATE", "ch", "cc:1")(false);
  metrics.executeTimeout("cc:1");
  assert.deepEqual(provider.lines(), [
    "chaincode_execute_timeouts{cc:1} 1",
    "chaincode_shim_request_duration{GET_STATE,ch,cc:1,true} 1",
    "chaincode_shim_request_duration{PUT_STATE,ch,cc:1,false} 1",
    "chaincode_shim_requests_completed{GET_STATE,ch,cc:1,true} 1",
    "chaincode_shim_requests_completed{PUT_STATE,ch,cc:1,false} 1",
    "chaincode_shim_requests_received{GET_STATE,ch,cc:1} 2",
    "chaincode_shim_requests_received{PUT_STATE,ch,cc:1} 1",
  ]);
  assert.equal(createChaincodeMetrics(disabledMetrics), undefined);
});
