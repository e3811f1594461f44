import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startFakePeer } from "../../../tests/support/fake-peer.ts";
import {
  packaged,
  Recorder,
  root,
  withDirectory,
  written,
} from "../../../tests/support/runtime.ts";
import { systemClock } from "../../base/clock.ts";
import { DenimError } from "../../base/errors.ts";
import { silentLogger } from "../../base/logger.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { ChaincodeToRun } from "../types.ts";
import type { BuildContext } from "./build.ts";
import { buildGo } from "./go-build.ts";
import { ProcessRuntime } from "./process-runtime.ts";
import { findToolchain } from "./toolchain.ts";

const never = new AbortController().signal;
const ignore = findToolchain(Deno.env.toObject(), Deno.execPath()).go === undefined;

async function withRuntime(run: (runtime: ProcessRuntime) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const runtime = new ProcessRuntime({ directory, logger: silentLogger, clock: systemClock });
    try {
      await run(runtime);
    } finally {
      await runtime.close();
    }
  });
}

/** Starts it against a fake peer; INIT and one invocation. */
async function exercise(chaincode: ChaincodeToRun, init: RegExp, calls: string[][]): Promise<void> {
  await withRuntime(async (runtime) => {
    const peer = await startFakePeer();
    try {
      const running = await runtime.start(
        { chaincode, peerAddress: peer.address, tls: peer.tls(), environment: {} },
        new Recorder(),
        never,
      );
      const stream = await peer.registered(30_000);
      assert.equal(stream.name, "asset:1.0");
      assert.match(await stream.call("init", "init"), init);
      for (const [expected, ...args] of calls) {
        assert.match(await stream.call("invoke", ...args), new RegExp(expected));
      }
      await running.stop();
      await stream.ended;
    } finally {
      await peer.close();
    }
  });
}

Deno.test({
  name: "Go: the example, a module, is built, registers and answers",
  ignore,
  fn: () =>
    exercise(
      packaged(ChaincodeSpec_Type.GOLANG, join(root, "examples/asset-go"), "asset"),
      /version 1/,
      [["ann", "create", "a", "ann", "5"], ["bob", "transfer", "a", "bob"]],
    ),
});

Deno.test({
  name: "Go: a GOPATH package for Fabric 1.4's shim is built, registers and answers",
  ignore,
  fn: () => {
    const source = join(root, "tests/testdata/golden/chaincode/assetcc/assetcc.go");
    const files = { "src/assetcc/assetcc.go": readFileSync(source, "utf8") };
    return exercise(
      written(ChaincodeSpec_Type.GOLANG, "asset", files, "assetcc"),
      /^init /,
      [["", "put", "k", "v"], ["v", "get", "k"]],
    );
  },
});

Deno.test({
  name: "Go: a package that does not compile fails with the compiler's words",
  ignore,
  fn: () =>
    withRuntime(async (runtime) => {
      const broken = written(ChaincodeSpec_Type.GOLANG, "broken", {
        "src/broken/go.mod": "module broken\n",
        "src/broken/main.go": "package main\n\nfunc main() { undefinedThing() }\n",
      });
      await assert.rejects(runtime.build(broken, new Recorder(), never), (error) => {
        assert(error instanceof DenimError);
        assert.equal(error.code, "build-failed");
        assert.match(error.message, /go build: exit code 1.*\n.*\n.*undefined: undefinedThing/);
        return true;
      });
    }),
});

Deno.test("what a Go build works with lies in the build's own directory and is gone afterwards", async () => {
  await withDirectory(async (directory) => {
    let temporary = "";
    const context: Partial<BuildContext> = {
      directory,
      toolchain: { go: "go" } as BuildContext["toolchain"],
      chaincode: packaged(ChaincodeSpec_Type.GOLANG, join(root, "examples/asset-go"), "asset"),
      run: (_command, _arguments, _directory, environment) => {
        temporary = environment?.GOTMPDIR ?? "";
        assert.ok(existsSync(temporary));
        writeFileSync(join(directory, "chaincode"), "");
        return Promise.resolve(undefined);
      },
    };
    await buildGo(context as BuildContext);
    assert.ok(temporary.startsWith(`${directory}/`), temporary);
    assert.deepEqual(readdirSync(directory), ["chaincode"]);
  });
});
