import assert from "node:assert/strict";
import { type ReportedPeer, taskReport } from "./task-report.ts";

const height = (height: number) => ({ ledger: { info: () => ({ height }) } });
const step = { beganAt: 0, durationMs: 5, facts: {} } as const;
const launch = { number: 7, name: "asset", version: "2.0", beganAt: 1_000 };

Deno.test("the report names channels, chaincode and the launches that have not ended", () => {
  const channels = new Map([
    ["other", { ...height(1), orderer: undefined }],
    ["mychannel", { ...height(42), orderer: "orderer.example.com:7050" }],
  ]);
  const peer: ReportedPeer = {
    channels: { ids: () => [...channels.keys(), "gone"], get: (id) => channels.get(id) },
    chaincode: {
      connected: () => [
        { instance: "asset:1.0", runtime: "docker", activeTransactions: 3 },
        { instance: "mine:1", runtime: undefined, activeTransactions: 0 },
      ],
      launchRecords: () => [
        { ...launch, number: 6, outcome: "failed", steps: [] },
        {
          ...launch,
          outcome: "running",
          steps: [
            { ...step, name: "package", outcome: "ok" },
            { ...step, name: "build", outcome: "running" },
          ],
        },
        { ...launch, number: 8, outcome: "running", steps: [] },
      ],
    },
  };
  const [first, ...rest] = taskReport(peer, { now: () => 3_500 });
  assert.match(first, /^process \d+: up [\d.]+ s, \d+ MB resident, \d+ MB of \d+ MB heap$/);
  assert.deepEqual(rest, [
    "channel other: height 1, no orderer connected",
    "channel mychannel: height 42, blocks from orderer.example.com:7050",
    "chaincode asset:1.0: docker, 3 transactions under way",
    "chaincode mine:1: started by the user, 0 transactions under way",
    "launch 7 of asset:2.0: build, 2.5 s old",
    "launch 8 of asset:2.0: waiting, 2.5 s old",
  ]);
});
