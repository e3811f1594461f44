import assert from "node:assert/strict";
import { text } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { ExternalRuntime } from "../runtime/external/external-runtime.ts";
import { silentLogger } from "../base/logger.ts";
import { MiniShim, ok } from "./testing/mini-shim.ts";
import { deploymentSpec, input, PeerFixture } from "./testing/peer-fixture.ts";
import { maxLaunchRecordsPerChaincode } from "./launch-history.ts";

const execute = (peer: PeerFixture, signal?: AbortSignal) =>
  peer.host.execute(peer.params({ signal }), "mycc", "1.0", input());

const tick = () => new Promise((next) => setTimeout(next, 1));

Deno.test("two callers, one launch; a third finds it running", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "1.0", { chaincode: () => ok() });
  await Promise.all([execute(peer), execute(peer)]);
  await execute(peer);
  assert.equal(peer.runtime.instances.length, 1);
  assert.deepEqual(peer.host.connected(), [{
    instance: "mycc:1.0",
    name: "mycc",
    version: "1.0",
    launch: 1,
    forDeployment: false,
    runtime: "process",
    instanceId: "instance-0",
    activeTransactions: 0,
  }]);
  assert.deepEqual(peer.runtime.instances[0].request.environment, {
    CORE_CHAINCODE_LOGGING_LEVEL: "info",
  });
  await peer.host.close();
  assert.equal(peer.runtime.instances[0].stopped, 1);
  assert.deepEqual(peer.host.connected(), []);
});

Deno.test("exit before register: every waiter gets code, meaning and last output; the next attempt works", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "1.0", { exits: 2, output: ["starting", "panic: no config"] });
  const results = await Promise.allSettled([execute(peer), execute(peer)]);
  for (const result of results) {
    assert.ok(result.status === "rejected" && result.reason instanceof DenimError);
    assert.equal(result.reason.code, "chaincode-exited");
    assert.match(
      result.reason.message,
      /^failed to execute transaction tx\d: \[channel ch\] could not launch chaincode mycc:1\.0: chaincode registration failed: container exited with 2: .*\n {2}starting\n {2}panic: no config\nHint: It panicked: /,
    );
    assert.equal(result.reason.facts.exitCode, 2);
  }
  assert.equal(peer.runtime.instances.length, 1);
  assert.equal(peer.runtime.instances[0].stopped, 1);

  peer.deploy("mycc", "1.0", { chaincode: () => ok("up") });
  assert.equal(text((await execute(peer)).response.payload), "up");
  await peer.host.close();
});

Deno.test("failing start: Fabric's text, and nothing stays registered", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "1.0", { failsToStart: "no such image" });
  await assert.rejects(
    peer.host.executeInit(peer.params(), deploymentSpec("mycc", "1.0")),
    /^DenimError: error starting container: error starting container: no such image\nHint: An image is missing: /,
  );
  await assert.rejects(
    new MiniShim(peer.host, "mycc:1.0", () => ok()).register(),
    /peer will not accept external chaincode connection mycc:1.0/,
  );
  await peer.host.close();
});

Deno.test("missing package: refused with the cause, also the second time", async () => {
  const peer = new PeerFixture();
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(
      peer.host.executeInit(peer.params(), deploymentSpec("mycc", "1.0")),
      /^DenimError: failed to get chaincode package: open chaincodes\/mycc\.1\.0: no such file or directory$/,
    );
  }
  await assert.rejects(
    execute(peer),
    /\[channel ch\] failed to get chaincode container info for mycc:1\.0: chaincode mycc not found$/,
  );
});

Deno.test("startup timeout: Fabric's text, the instance is stopped, a late registration refused", async () => {
  const peer = new PeerFixture({ config: { startupTimeoutMs: 250 } });
  peer.deploy("mycc", "1.0", { hangs: true });
  await assert.rejects(
    execute(peer),
    /could not launch chaincode mycc:1\.0: timeout expired while starting chaincode mycc:1\.0 for transaction: step register had not ended after 250 ms\nHint: It runs but does not register: /,
  );
  await assert.rejects(
    new MiniShim(peer.host, "mycc:1.0", () => ok()).register(),
    /peer will not accept external chaincode connection/,
  );
  peer.deploy("mycc", "1.0", { chaincode: () => ok() });
  await execute(peer);
  assert.deepEqual(peer.runtime.instances.map((i) => i.stopped), [1, 0]);
  await peer.host.close();
});

Deno.test("a waiter that goes away is answered; the launch goes on for the other", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "1.0", { hangs: true });
  const impatient = new AbortController();
  const patient = execute(peer);
  const gone = execute(peer, impatient.signal);
  impatient.abort();
  await assert.rejects(gone, { code: "cancelled" });
  const [instance] = peer.runtime.instances;
  instance.shim = new MiniShim(peer.host, "mycc:1.0", () => ok("late but there"));
  await instance.shim.register();
  assert.equal(text((await patient).response.payload), "late but there");
  await peer.host.close();
});

Deno.test("death while executing: answered at once with exit code and output; the next call relaunches", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "1.0", {
    chaincode: () => {
      const instance = peer.runtime.instances[0];
      instance.output = [{ at: 0, stream: "stderr", text: "panic: index out of range" }];
      instance.exit(2);
      return new Promise(() => {});
    },
  });
  await assert.rejects(
    execute(peer),
    /error sending: chaincode stream terminated: container exited with 2: .*\n {2}panic: index out of range\nHint: It panicked: /,
  );
  peer.deploy("mycc", "1.0", { chaincode: () => ok("again") });
  assert.equal(text((await execute(peer)).response.payload), "again");
  assert.equal(peer.runtime.instances.length, 2);
  await peer.host.close();
});

Deno.test("exit after ready: the handler is gone and the reason is on record", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "1.0", { chaincode: () => ok() });
  await execute(peer);
  peer.runtime.instances[0].exit(137);
  await peer.runtime.instances[0].shim?.ended;
  assert.deepEqual(peer.host.connected(), []);
  assert.match(peer.host.launchRecords("mycc")[0].exit?.reason ?? "", /container exited with 137/);
  await execute(peer);
  await peer.host.close();
});

Deno.test("stop: ends a running instance, a launch in flight, and accepts that there is none", async () => {
  const peer = new PeerFixture();
  await peer.host.stop("mycc", "1.0");
  peer.deploy("mycc", "1.0", { hangs: true });
  const starting = execute(peer);
  starting.catch(() => {});
  while (peer.runtime.instances.length === 0) await tick();
  await peer.host.stop("mycc", "1.0");
  await assert.rejects(starting, /chaincode mycc:1\.0 was stopped while starting$/);
  assert.equal(peer.runtime.instances[0].stopped, 1);
  peer.deploy("mycc", "1.0", { chaincode: () => ok() });
  await execute(peer);
  await peer.host.stop("mycc", "1.0");
  assert.equal(peer.runtime.instances[1].stopped, 1);
  assert.deepEqual(peer.host.connected(), []);
});

Deno.test("closed: nothing is launched any more", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "1.0", { chaincode: () => ok() });
  await peer.host.close();
  await assert.rejects(execute(peer), { code: "shutting-down" });
});

Deno.test("launch records: steps with outcome, init included, bounded in number", async () => {
  const seen: string[] = [];
  const peer = new PeerFixture({
    overrides: {
      onLaunchStep: (instance, step) => seen.push(`${instance} ${step.name} ${step.outcome}`),
    },
  });
  peer.deploy("mycc", "1.0", { chaincode: () => ok() });
  await peer.host.executeInit(peer.params(), deploymentSpec("mycc", "1.0"));
  const [record] = peer.host.launchRecords("mycc");
  assert.deepEqual(record.steps.map((s) => [s.name, s.outcome]), [
    ["package", "ok"],
    ["start", "ok"],
    ["register", "ok"],
    ["ready", "ok"],
    ["init", "ok"],
  ]);
  assert.equal(record.outcome, "ok");
  assert.equal(record.runtime, "process");
  assert.equal(record.instanceId, "instance-0");
  assert.deepEqual(seen.slice(0, 2), ["mycc:1.0 package running", "mycc:1.0 package ok"]);

  await peer.host.stop("mycc", "1.0");
  peer.deploy("mycc", "1.0", { failsToStart: "broken" });
  for (let i = 0; i < maxLaunchRecordsPerChaincode + 3; i++) await execute(peer).catch(() => {});
  const records = peer.host.launchRecords("mycc");
  assert.equal(records.length, maxLaunchRecordsPerChaincode);
  assert.match(records[0].error ?? "", /broken$/);
});

Deno.test("a version that is not the instantiated one is not launched", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "2.0", { chaincode: () => ok() });
  await assert.rejects(execute(peer), { code: "chaincode-version-mismatch" });
  assert.equal(peer.runtime.instances.length, 0);
});

Deno.test("init launches type, path and code of the deployment", async () => {
  const peer = new PeerFixture();
  peer.deploy("mycc", "1.0", { chaincode: (stub) => ok(stub.args.join("|")) });
  const deployment = deploymentSpec("mycc", "1.0", "init", "a");
  const { response } = await peer.host.executeInit(peer.params(), deployment);
  assert.equal(text(response.payload), "init|a");
  const { chaincode, tls, peerAddress } = peer.runtime.instances[0].request;
  assert.equal(chaincode.path, "example.org/mycc");
  assert.equal(chaincode.type, 1);
  assert.equal(tls, undefined);
  assert.equal(peerAddress, "peer:7052");
  await peer.host.close();
});

Deno.test("development mode: a launch waits for the user's chaincode; unsolicited ones are welcome", async () => {
  const lines: string[] = [];
  const logger = { ...silentLogger, info: (line: string) => lines.push(line) };
  const runtime = new ExternalRuntime(logger);
  const peer = new PeerFixture({
    config: { userRunsChaincode: true, startupTimeoutMs: 250 },
    overrides: { runtimeFor: () => runtime },
  });
  peer.deploy("mycc", "1.0", { hangs: true });
  await assert.rejects(execute(peer), /timeout expired while starting chaincode mycc:1\.0/);
  assert.match(
    lines[0],
    /waiting for chaincode mycc:1\.0 to register: .*CORE_CHAINCODE_ID_NAME=mycc:1\.0/,
  );

  const waiting = execute(peer);
  while (lines.length < 2) await tick();
  const shim = new MiniShim(peer.host, "mycc:1.0", () => ok("by hand"));
  await shim.register();
  assert.equal(text((await waiting).response.payload), "by hand");
  shim.hangUp();
  await shim.ended;

  const again = new MiniShim(peer.host, "mycc:1.0", () => ok("unsolicited"));
  await again.register();
  assert.equal(text((await execute(peer)).response.payload), "unsolicited");
  await peer.host.close();
  await runtime.close();
  await again.ended;
});
