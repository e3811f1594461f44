import assert from "node:assert/strict";
import { disabledMetrics } from "../base/metrics.ts";
import { RecordingMetrics } from "../base/metrics_testkit.ts";
import { createProposalMetrics } from "./metrics.ts";
import type { ProposalOutcome } from "./types.ts";

function counted(outcome: Partial<ProposalOutcome> & Pick<ProposalOutcome, "end">): string[] {
  const recorded = new RecordingMetrics();
  createProposalMetrics(recorded)?.received()({
    channelId: "ch",
    chaincode: "cc:1",
    durationMs: 1,
    chaincodeError: false,
    ...outcome,
  });
  assert.equal(
    recorded.lines().filter((line) => line === "endorser_proposals_received 1").length,
    1,
  );
  return recorded.lines().filter((line) => line !== "endorser_proposals_received 1");
}

Deno.test("each end of a proposal has its counter; only what was let in has a duration", () => {
  const duration = (success: boolean) => `endorser_propsal_duration{ch,cc:1,${success}} 1`;
  assert.deepEqual(counted({ end: "successful" }), [
    duration(true),
    "endorser_successful_proposals 1",
  ]);
  assert.deepEqual(counted({ end: "validation-failure" }), [
    "endorser_proposal_validation_failures 1",
  ]);
  assert.deepEqual(counted({ end: "not-invokable" }), []);
  assert.deepEqual(counted({ end: "acl-failure" }), ["endorser_proposal_acl_failures{ch,cc:1} 1"]);
  assert.deepEqual(counted({ end: "duplicate-transaction" }), [
    "endorser_duplicate_transaction_failures{ch,cc:1} 1",
  ]);
  assert.deepEqual(counted({ end: "simulation-failure" }), [duration(false)]);
  assert.deepEqual(counted({ end: "endorsement-failure", chaincodeError: true }), [
    "endorser_endorsement_failures{ch,cc:1,true} 1",
    duration(false),
  ]);
  assert.deepEqual(counted({ end: "initialization-failure", deployed: "new:2" }), [
    "endorser_chaincode_instantiation_failures{ch,new:2} 1",
    duration(false),
  ]);
});

Deno.test("where nobody counts there is nothing to tell", () => {
  assert.equal(createProposalMetrics(disabledMetrics), undefined);
});
