import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type FakePeer, type FakeStream, startFakePeer } from "../../../tests/support/fake-peer.ts";
import { never, request, toolchain, withRuntime } from "../../../tests/support/process-runtime.ts";
import { until } from "../../../tests/support/until.ts";
import { packaged, Recorder, root, written } from "../../../tests/support/runtime.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { ChaincodeToRun, RunningChaincode } from "../types.ts";
import { startTimeOf } from "./leftovers.ts";
import type { ProcessRuntime } from "./process-runtime.ts";

/** The chaincode's stream, or the output of one that ended instead. */
function registration(peer: FakePeer, running: RunningChaincode): Promise<FakeStream> {
  return Promise.race([
    peer.registered(60_000),
    running.exited.then((status) => {
      const output = running.lastOutput().map((line) => line.text).join("\n");
      throw new Error(`it ended: ${JSON.stringify(status)}\n${output}`);
    }),
  ]);
}

/** Registers with a fake peer over mutual TLS, runs INIT, create and read, then stops. */
async function exercise(runtime: ProcessRuntime, chaincode: ChaincodeToRun): Promise<void> {
  const peer = await startFakePeer();
  let running: RunningChaincode | undefined;
  try {
    running = await runtime.start(
      {
        chaincode,
        peerAddress: peer.address,
        tls: peer.tls(),
        environment: { CORE_CHAINCODE_LOGGING_LEVEL: "info" },
      },
      new Recorder(),
      never,
    );
    const stream = await registration(peer, running);
    assert.equal(stream.name, `${chaincode.name}:${chaincode.version}`);
    assert.match(await stream.call("init", "init", "a", "ann", "5"), /version 1/);
    assert.deepEqual(JSON.parse(await stream.call("invoke", "read", "a")), {
      id: "a",
      owner: "ann",
      value: 5,
    });
    await stream.call("invoke", "transfer", "a", "bob");
    assert.match(await stream.call("invoke", "read", "a"), /bob/);
    await assert.rejects(stream.call("invoke", "read", "nothing"), /does not exist/);
    await running.stop();
    await stream.ended;
  } finally {
    await running?.stop();
    await peer.close();
  }
}

Deno.test("JavaScript: the example registers with its certificate and answers, under Deno", async () => {
  await withRuntime(async (runtime, directory) => {
    const chaincode = packaged(ChaincodeSpec_Type.NODE, join(root, "examples/asset-js"), "asset");
    await exercise(runtime, chaincode);
    assert.deepEqual(readdirSync(join(directory, "instances")), []);

    // A second version of the same sources shares the build.
    const observer = new Recorder();
    await runtime.build({ ...chaincode, version: "2.0" }, observer, never);
    assert.deepEqual(observer.steps, []);
    assert.equal(readdirSync(join(directory, "builds")).length, 1);
  }, { engine: "deno" });
});

Deno.test({
  name: "JavaScript: the example runs under Node too, installed by npm",
  ignore: toolchain.node === undefined || toolchain.npm === undefined,
  fn: () =>
    withRuntime(
      (runtime) =>
        exercise(
          runtime,
          packaged(ChaincodeSpec_Type.NODE, join(root, "examples/asset-js"), "asset"),
        ),
      { engine: "node" },
    ),
});

Deno.test("JavaScript: a contract started by fabric-chaincode-node registers and answers", async () => {
  const chaincode = written(ChaincodeSpec_Type.NODE, "contract", {
    "src/package.json": JSON.stringify({
      name: "contract",
      version: "1.0.0",
      main: "index.js",
      scripts: { start: "fabric-chaincode-node start" },
      dependencies: { "fabric-contract-api": "2.5.8", "fabric-shim": "2.5.8" },
    }),
    "src/index.js": `const { Contract } = require("fabric-contract-api");
      class Greeter extends Contract {
        async greet(ctx, name) { await ctx.stub.putState("last", name); return "hello " + name; }
      }
      exports.contracts = [Greeter];`,
  });
  const peer = await startFakePeer();
  try {
    await withRuntime(async (runtime) => {
      const running = await runtime.start(
        { chaincode, peerAddress: peer.address, tls: peer.tls(), environment: {} },
        new Recorder(),
        never,
      );
      const stream = await registration(peer, running);
      assert.equal(await stream.call("invoke", "greet", "ann"), "hello ann");
    });
  } finally {
    await peer.close();
  }
});

Deno.test({
  name: "JavaScript: a start script for a shell is left to npm, and ends as a whole",
  ignore: toolchain.node === undefined || toolchain.npm === undefined,
  fn: () =>
    withRuntime(async (runtime) => {
      const chaincode = written(ChaincodeSpec_Type.NODE, "shell", {
        "src/package.json": '{"scripts":{"start":"WORD=hello node main.js"}}',
        "src/main.js":
          "console.log(process.env.WORD, process.pid, process.argv.at(-1)); setInterval(() => {}, 1e6)",
      });
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      const started = () => running.lastOutput().find((line) => line.text.startsWith("hello "));
      await until("the start", () => started() !== undefined);
      const [, pid, address] = started()?.text.split(" ") ?? [];
      assert.equal(address, "127.0.0.1:1");
      await running.stop();
      await until("the end of the process", () => startTimeOf(Number(pid)) === undefined);
    }),
});
