import assert from "node:assert/strict";
import { DenimError } from "../base/errors.ts";
import { configOf } from "../config/load.ts";
import { HealthChecks } from "../operations/health.ts";
import { type CheckedPeer, registerHealthChecks } from "./health-checks.ts";

interface Situation {
  readonly settings?: Record<string, string>;
  readonly dockerUsed?: boolean;
  readonly engine?: DenimError;
  readonly failures?: Record<string, Error>;
  readonly trouble?: string;
  readonly state?: () => void;
}

async function failedChecks(situation: Situation): Promise<string[]> {
  const { settings = {}, dockerUsed = false, engine, failures = {}, trouble, state } = situation;
  const checks = new HealthChecks();
  const peer: CheckedPeer = {
    config: configOf({}, undefined, "/").with(settings).peerConfig,
    runtimes: {
      dockerUsed,
      checkDocker: () => engine ? Promise.reject(engine) : Promise.resolve(),
    },
    channels: {
      failures: new Map(Object.entries(failures)),
      ids: () => ["mychannel"],
      get: () => ({ trouble, ledger: { configVersion: state ?? (() => {}) } }),
    },
  };
  registerHealthChecks(checks, peer);
  const failed = await checks.run();
  assert(failed !== "late");
  return failed.map(({ component, reason }) => `${component}: ${reason}`);
}

const gone = new DenimError("docker-unreachable", "no engine");
const invalid = new DenimError("invalid-endpoint", "this is not a Docker endpoint: 127.0.0.1:0");

Deno.test("a peer in good order has no failed check", async () => {
  assert.deepEqual(await failedChecks({}), []);
});

Deno.test("docker: an engine that is wanted but gone is a failure, under Fabric's words", async () => {
  const unreachable = ["docker: failed to ping to Docker daemon: no engine"];
  const wanted = { "chaincode.runtime": "docker" };
  assert.deepEqual(await failedChecks({ settings: wanted, engine: gone }), unreachable);
  assert.deepEqual(await failedChecks({ settings: wanted }), []);
  const elsewhere = { "vm.endpoint": "tcp://127.0.0.1:2375" };
  assert.deepEqual(await failedChecks({ settings: elsewhere, engine: gone }), unreachable);
  assert.deepEqual(await failedChecks({ dockerUsed: true, engine: gone }), unreachable);
  const forOne = { "chaincode.runtime": "process", "chaincode.runtimes.mycc": "docker" };
  assert.deepEqual(await failedChecks({ settings: forOne, engine: gone }), unreachable);
  assert.deepEqual(
    await failedChecks({ settings: { "vm.endpoint": "127.0.0.1:0" }, engine: invalid }),
    ["docker: failed to connect to Docker daemon: invalid endpoint"],
  );
});

Deno.test("docker: an engine that nobody asked for may be missing", async () => {
  assert.deepEqual(await failedChecks({ engine: gone }), []);
  const usual = { "vm.endpoint": "unix:///var/run/docker.sock" };
  assert.deepEqual(await failedChecks({ settings: usual, engine: gone }), []);
  const elsewhere = { "vm.endpoint": "tcp://127.0.0.1:2375" };
  for (const [key, value] of [["chaincode.runtime", "process"], ["chaincode.mode", "dev"]]) {
    const settings = { ...elsewhere, [key]: value };
    assert.deepEqual(await failedChecks({ settings, engine: gone }), []);
  }
});

Deno.test("the state database is read; its component has the name of what is configured", async () => {
  const state = () => {
    throw new Error("disk I/O error");
  };
  assert.deepEqual(await failedChecks({ state }), ["goleveldb: [mychannel] disk I/O error"]);
  const settings = { "ledger.state.stateDatabase": "CouchDB" };
  assert.deepEqual(await failedChecks({ state, settings }), [
    "couchdb: [mychannel] disk I/O error",
  ]);
});

Deno.test("a channel that did not open, or takes no more blocks, is a failure", async () => {
  assert.deepEqual(
    await failedChecks({ failures: { lost: new Error("ledger is damaged") } }),
    ["channel: [lost] cannot be opened: ledger is damaged"],
  );
  assert.deepEqual(
    await failedChecks({
      trouble: "no more blocks are pulled: x",
      failures: { a: new Error("b") },
    }),
    ["channel: [a] cannot be opened: b; [mychannel] no more blocks are pulled: x"],
  );
});
