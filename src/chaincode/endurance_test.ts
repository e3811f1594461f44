/** Chaincode that crashes, leaks, dawdles or says nothing: callers get the cause, nothing stays open. */
import assert from "node:assert/strict";
import { until } from "../../tests/support/until.ts";
import { text } from "../base/bytes.ts";
import { crashesBeforeBackoff } from "./crash-backoff.ts";
import { ok } from "./testing/mini-shim.ts";
import { deploymentSpec, input, PeerFixture, withChaincode } from "./testing/peer-fixture.ts";

const execute = (peer: PeerFixture) => peer.host.execute(peer.params(), "mycc", "1.0", input());

Deno.test("after repeated ends launches pause, say until when, and a wish ends the pause", async () => {
  const clock = { at: 1_000_000, now: () => clock.at };
  const crashes: number[] = [];
  const peer = new PeerFixture({
    overrides: { clock, onCrash: (_name, _version, pauseMs) => crashes.push(pauseMs) },
  });
  peer.deploy("mycc", "1.0", { exits: 1, output: ["no config"] });
  for (let i = 0; i < crashesBeforeBackoff; i++) {
    await assert.rejects(execute(peer), /exited with 1/);
  }
  await assert.rejects(
    execute(peer),
    /has ended 3 times in a row .* before 1970-01-01T00:16:41\.000Z \(in 1\.0 s\); the last time: .*exited with 1/,
  );
  assert.equal(peer.runtime.instances.length, crashesBeforeBackoff);
  assert.deepEqual(crashes, [0, 0, 1_000]);
  clock.at += 1_000;
  await assert.rejects(execute(peer), /exited with 1/);
  await assert.rejects(execute(peer), { code: "launch-paused" });

  peer.deploy("mycc", "1.0", { chaincode: () => ok("well again") });
  await peer.host.executeInit(peer.params(), deploymentSpec("mycc", "1.0"));
  assert.equal(text((await execute(peer)).response.payload), "well again");
  await peer.host.close();
});

Deno.test("crashes after READY count as well, a stop does not", async () => {
  const clock = { at: 1_000_000, now: () => clock.at };
  const peer = new PeerFixture({ overrides: { clock } });
  peer.deploy("mycc", "1.0", { chaincode: () => ok() });
  for (let i = 0; i < 6; i++) {
    await execute(peer);
    await peer.host.stop("mycc", "1.0");
  }
  for (let i = 0; i < crashesBeforeBackoff; i++) {
    await execute(peer);
    const instance = peer.runtime.instances.at(-1);
    instance?.exit(2);
    await instance?.shim?.ended;
  }
  await assert.rejects(execute(peer), { code: "launch-paused" });
  const record = await peer.host.restart("mycc", "1.0");
  assert.equal(record?.outcome, "ok");
  await execute(peer);
  await peer.host.close();
});

Deno.test("a chaincode that never answers costs its caller the execute timeout, others nothing", async () => {
  const peer = new PeerFixture({ config: { executeTimeoutMs: 100 } });
  await withChaincode(
    (stub) => stub.args[0] === "hang" ? new Promise(() => {}) : ok("quick"),
    async (peer) => {
      const hanging = peer.host.execute(peer.params(), "mycc", "1.0", input("hang"));
      const quick = await peer.host.execute(peer.params(), "mycc", "1.0", input("go"));
      assert.equal(text(quick.response.payload), "quick");
      await assert.rejects(hanging, /timeout expired while executing transaction/);
      assert.equal(peer.host.connected()[0].activeTransactions, 0);
    },
    peer,
  );
});

Deno.test("a retired instance finishes its transactions first", async () => {
  let finish = () => {};
  await withChaincode(
    () => new Promise((resolve) => finish = () => resolve(ok("done"))),
    async (peer) => {
      const running = execute(peer);
      await until("it runs", () => peer.host.connected()[0]?.activeTransactions === 1);
      const retired = peer.host.retire("mycc", "1.0");
      assert.equal(peer.runtime.instances[0].stopped, 0);
      finish();
      assert.equal(text((await running).response.payload), "done");
      await retired;
      assert.equal(peer.runtime.instances[0].stopped, 1);
    },
  );
});
