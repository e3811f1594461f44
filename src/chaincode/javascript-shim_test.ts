/** npm's fabric-shim as a child process, over mutual TLS: the example chaincode through this room. */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { join } from "node:path";
import { goldenFile } from "../../tests/support/golden.ts";
import { packaged, root } from "../../tests/support/runtime.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { text, utf8 } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import { ProposalSchema, SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { ProcessRuntime } from "../runtime/process/process-runtime.ts";
import { FakeSimulator } from "./testing/fake-simulator.ts";
import { deploymentSpec, fakePackage, input } from "./testing/peer-fixture.ts";
import { startTlsPeer } from "./testing/tls-peer.ts";

Deno.test("fabric-shim: init, write, read, range over several batches, event, error, relaunch", async (t) => {
  using directory = temporaryDirectory();
  const runtime = new ProcessRuntime({
    directory: join(directory.path, "run"),
    logger: silentLogger,
    clock: systemClock,
  });
  const tls = await startTlsPeer(runtime);
  const { peer } = tls;
  const source = packaged(ChaincodeSpec_Type.NODE, join(root, "examples/asset-js"), "asset");
  const deployment = deploymentSpec("asset", "1.0", "init", "a1", "ann", "5");
  if (deployment.chaincodeSpec?.chaincodeId === undefined) throw new Error("no spec");
  deployment.chaincodeSpec.type = ChaincodeSpec_Type.NODE;
  deployment.chaincodeSpec.chaincodeId.path = source.path;
  deployment.codePackage = source.codePackage;
  peer.installed.set("asset:1.0", {
    ...fakePackage("asset", "1.0"),
    id: source.packageId,
    deploymentSpec: deployment,
  });
  peer.instantiated.set("asset", "1.0");
  const state = new Map<string, Uint8Array>();
  // The shim takes the proposal apart; any genuine one will do.
  const signedProposal = fromBinary(
    SignedProposalSchema,
    goldenFile("proposals/01-query-get.proposal"),
  );
  const proposal = fromBinary(ProposalSchema, signedProposal.proposalBytes);
  const paramsOf = (txId: string, simulator = new FakeSimulator(txId, state)) =>
    peer.params({ txId, simulator, signedProposal, proposal });
  const run = (...args: string[]) =>
    peer.host.execute(paramsOf("t"), "asset", "1.0", input(...args));
  try {
    await t.step("init writes the first asset", async () => {
      const simulator = new FakeSimulator("t", state);
      const params = paramsOf("t", simulator);
      const { response } = await peer.host.executeInit(params, deployment);
      assert.equal(response.status, 200);
      const written = simulator.writes.get("asset/a1") ?? utf8("");
      assert.equal(text(written), '{"id":"a1","owner":"ann","value":5}');
      const steps = peer.host.launchRecords("asset")[0].steps.map((s) => `${s.name} ${s.outcome}`);
      assert.deepEqual(steps, [
        "package ok",
        "build ok",
        "tls ok",
        "start ok",
        "register ok",
        "ready ok",
        "init ok",
      ]);
    });
    await t.step("events and answers", async () => {
      const { response, event } = await run("create", "a2", "bob", "7");
      assert.equal(text(response.payload), '{"id":"a2","owner":"bob","value":7}');
      assert.deepEqual([event?.chaincodeId, event?.txId, event?.eventName], [
        "asset",
        "t",
        "created",
      ]);
    });
    await t.step("a chaincode error is a response", async () => {
      const { response } = await run("read", "nobody");
      assert.equal(response.status, 500);
      assert.equal(response.message, "asset nobody does not exist");
    });
    await t.step("250 assets come through in three batches, and by pages", async () => {
      for (let i = 0; i < 250; i++) {
        const id = `b${String(i).padStart(3, "0")}`;
        state.set(`asset/${id}`, utf8(JSON.stringify({ id, owner: "x", value: i })));
      }
      const all = JSON.parse(text((await run("list")).response.payload));
      assert.equal(all.length, 250);
      assert.equal(all[249].id, "b249");
      const page = JSON.parse(text((await run("list", "", "", "120", "")).response.payload));
      assert.deepEqual([page.assets.length, page.bookmark], [120, "b120"]);
    });
    await t.step("twenty at once, each with its own answer", async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
        const params = paramsOf(`p${i}`);
        const id = `b${String(i).padStart(3, "0")}`;
        const { response } = await peer.host.execute(params, "asset", "1.0", input("read", id));
        return JSON.parse(text(response.payload)).value;
      }));
      assert.deepEqual(answers, Array.from({ length: 20 }, (_, i) => i));
    });
    await t.step("stopped, it is launched again by the next call", async () => {
      await peer.host.stop("asset", "1.0");
      assert.deepEqual(peer.host.connected(), []);
      assert.equal((await run("version")).response.status, 200);
      assert.equal(peer.host.launchRecords("asset").length, 2);
    });
  } finally {
    await tls.close();
  }
});
