import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, realpathSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { startFakePeer } from "../../../tests/support/fake-peer.ts";
import {
  never,
  request,
  script,
  toolchain,
  withRuntime,
} from "../../../tests/support/process-runtime.ts";
import { until } from "../../../tests/support/until.ts";
import { packaged, Recorder, root, written } from "../../../tests/support/runtime.ts";
import { DenimError } from "../../base/errors.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";

const node = ChaincodeSpec_Type.NODE;
const goIsMissing = toolchain.go === undefined;

Deno.test("a build goes on when its client gives up; the next one joins it and is told since when", async () => {
  await withRuntime(async (runtime, directory) => {
    const chaincode = packaged(node, join(root, "examples/asset-js"), "asset");
    const impatient = new AbortController();
    const first = runtime.build(chaincode, new Recorder(), impatient.signal);
    impatient.abort();
    await assert.rejects(first, { code: "aborted" });
    const second = new Recorder();
    await runtime.build({ ...chaincode, name: "twin", version: "7" }, second, never);
    assert.deepEqual(second.steps, ["build begin", "build end"]);
    assert.match(second.lines[0], /^build still running, started \d+ s ago; waiting for it$/);
    assert.equal(readdirSync(join(directory, "builds")).length, 1);
  });
});

Deno.test("packages with equal dependencies share their installation", async () => {
  await withRuntime(async (runtime, directory) => {
    const files = (version: string, code: string) => ({
      "src/package.json": JSON.stringify({
        name: "x",
        version,
        scripts: { start: "node main.js" },
        dependencies: { "yaml": "2.9.1" },
      }),
      "src/main.js":
        `console.log(${code}, require("yaml").stringify({ a: 1 })); setInterval(() => {}, 1e6);`,
    });
    const one = written(node, "one", files("1.0.0", "1"));
    const two = written(node, "two", files("2.0.0", "2"));
    for (const chaincode of [one, two]) {
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      await until(
        "its output",
        () => running.lastOutput().some(({ text }) => text.endsWith("a: 1")),
      );
      await running.stop();
    }
    assert.equal(readdirSync(join(directory, "cache", "modules")).length, 1);
    const builds = join(directory, "builds");
    const modules = readdirSync(builds).map((key) => join(builds, key, "src", "node_modules"));
    assert.equal(modules.length, 2);
    assert.equal(new Set(modules.map((path) => realpathSync(path))).size, 1);
  });
});

Deno.test("a package whose installation runs its own scripts is installed by itself", async () => {
  await withRuntime(async (runtime, directory) => {
    const chaincode = written(node, "own", {
      "src/package.json": JSON.stringify({
        name: "own",
        version: "1.0.0",
        scripts: { start: "node main.js", postinstall: "node make.js" },
        dependencies: { "yaml": "2.9.1" },
      }),
      "src/make.js": 'require("node:fs").writeFileSync("made.js", "");',
      "src/main.js": "0",
    });
    await runtime.build(chaincode, new Recorder(), never);
    const [key] = readdirSync(join(directory, "builds"));
    assert(!lstatSync(join(directory, "builds", key, "src", "node_modules")).isSymbolicLink());
    assert(!existsSync(join(directory, "cache", "modules")));
  });
});

Deno.test("a package that brings its dependencies builds and starts without a network or an installer", async () => {
  const chaincode = written(node, "bundled", {
    "src/package.json": JSON.stringify({
      scripts: { start: "greeter now" },
      dependencies: { greeter: "1.0.0" },
    }),
    "src/node_modules/greeter/package.json": '{"name":"greeter","bin":{"greeter":"./cli.js"}}',
    "src/node_modules/greeter/cli.js":
      'console.log("hello", process.argv[2]); setInterval(() => {}, 1e6);',
  });
  await withRuntime(async (runtime) => {
    const running = await runtime.start(request(chaincode), new Recorder(), never);
    await until("its output", () => running.lastOutput().some(({ text }) => text === "hello now"));
    await running.stop();
  }, { toolchain: { ...toolchain, npm: undefined } });
});

Deno.test({
  name: "Go: a module with a vendor directory builds without a network, go.sum or not",
  ignore: goIsMissing,
  fn: () => {
    const chaincode = written(ChaincodeSpec_Type.GOLANG, "vendored", {
      "src/ex.org/cc/go.mod": "module ex.org/cc\n\ngo 1.18\n\nrequire ex.org/words v1.0.0\n",
      "src/ex.org/cc/main.go":
        'package main\n\nimport "ex.org/words"\n\nfunc main() { println(words.Greeting) }\n',
      "src/ex.org/cc/vendor/modules.txt": "# ex.org/words v1.0.0\n## explicit\nex.org/words\n",
      "src/ex.org/cc/vendor/ex.org/words/words.go": 'package words\n\nconst Greeting = "hello"\n',
    }, "ex.org/cc");
    return withRuntime(async (runtime) => {
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      assert.equal((await running.exited).code, 0);
      assert.deepEqual(running.lastOutput().map(({ text }) => text), ["hello"]);
    }, { environment: { ...Deno.env.toObject(), GOPROXY: "off", GOFLAGS: "" } });
  },
});

Deno.test("TypeScript runs as it is under Deno, named by start or by main", async () => {
  const source =
    "const answer: number = 42; console.log(`typed ${answer}`); setInterval(() => {}, 1e6);";
  const manifests = [
    '{"type":"module","main":"main.ts"}',
    '{"type":"module","scripts":{"start":"deno run -A main.ts"}}',
    '{"type":"module","scripts":{"start":"node main.ts"}}',
  ];
  await withRuntime(async (runtime) => {
    for (const manifest of manifests) {
      const chaincode = written(node, "typed", {
        "src/package.json": manifest,
        "src/main.ts": source,
      });
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      await until("its output", () => running.lastOutput().some(({ text }) => text === "typed 42"));
      await running.stop();
    }
  }, { engine: "deno" });
});

Deno.test("TypeScript chaincode with fabric-shim registers and answers", async () => {
  const chaincode = written(node, "typedcc", {
    "src/package.json": JSON.stringify({
      type: "module",
      main: "main.ts",
      dependencies: { "fabric-shim": "2.5.8" },
    }),
    "src/main.ts": `import shim from "fabric-shim";
      import type { ChaincodeStub } from "fabric-shim";
      class Greeter {
        async Init(_stub: ChaincodeStub) { return shim.success(Buffer.from("ready")); }
        async Invoke(stub: ChaincodeStub) {
          return shim.success(Buffer.from("hello " + stub.getFunctionAndParameters().params[0]));
        }
      }
      import { Buffer } from "node:buffer";
      shim.start(new Greeter());`,
  });
  const peer = await startFakePeer();
  try {
    await withRuntime(async (runtime) => {
      const running = await runtime.start(
        { chaincode, peerAddress: peer.address, tls: peer.tls(), environment: {} },
        new Recorder(),
        never,
      );
      const stream = await Promise.race([
        peer.registered(30_000),
        running.exited.then(() => {
          throw new Error(running.lastOutput().map(({ text }) => text).join("\n"));
        }),
      ]);
      assert.equal(await stream.call("init"), "ready");
      assert.equal(await stream.call("invoke", "greet", "ann"), "hello ann");
    }, { engine: "deno" });
  } finally {
    await peer.close();
  }
});

Deno.test("under Deno, chaincode reaches the peer and nothing else, unless that is allowed", async () => {
  const elsewhere = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const place = elsewhere.address();
  assert(place !== null && typeof place === "object");
  const chaincode = script(`
    const net = require("node:net");
    const dial = (port) => new Promise((resolve) => {
      try {
        net.connect(port, "127.0.0.1").on("connect", () => resolve("connected"))
          .on("error", (error) => resolve(error.message));
      } catch (error) { resolve(error.message); }
    });
    dial(${place.port}).then((said) => { console.log(said); setInterval(() => {}, 1e6); });`);
  const said = async (network: "peer" | "all", peerAddress: string) => {
    let first = "";
    await withRuntime(async (runtime) => {
      const running = await runtime.start(
        { ...request(chaincode), peerAddress },
        new Recorder(),
        never,
      );
      await until("its output", () => running.lastOutput().length > 0);
      first = running.lastOutput()[0].text;
    }, { engine: "deno", limits: { memoryBytes: 0, network } });
    return first;
  };
  try {
    assert.match(await said("peer", "127.0.0.1:1"), /net access/i);
    assert.equal(await said("peer", `localhost:${place.port}`), "connected");
    assert.equal(await said("all", "127.0.0.1:1"), "connected");
  } finally {
    await new Promise((resolve) => elsewhere.close(resolve));
  }
});

Deno.test("JavaScript that needs more memory than it may ends, and says why", async () => {
  const chaincode = script(
    "const all = []; for (;;) all.push(new Array(1e5).fill({}).map(() => ({})))",
  );
  for (const engine of ["deno", "node"] as const) {
    if (toolchain[engine] === undefined) continue;
    await withRuntime(async (runtime) => {
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      const status = await running.exited;
      assert.notEqual(status.code, 0);
      const output = running.lastOutput().map(({ text }) => text).join("\n");
      // Its engine notices first, unless the machine is so busy that the watch does.
      assert.match(
        `${output}\n${status.meaning}`,
        /heap (limit|out of memory)|ran out of memory:/i,
      );
    }, { engine, limits: { memoryBytes: 400 * 1024 * 1024, network: "peer" } });
  }
});

Deno.test("a debugger finds JavaScript chaincode where it was told to", async () => {
  await withRuntime(async (runtime) => {
    const chaincode = script("setInterval(() => {}, 1e6)");
    const inspected = { ...request(chaincode), inspect: "127.0.0.1:0" };
    const running = await runtime.start(inspected, new Recorder(), never);
    await until(
      "its output",
      () => running.lastOutput().some(({ text }) => /listening on ws:/i.test(text)),
    );
    await running.stop();
  });
});

Deno.test("a failed build is told once and tried again the next time", async () => {
  await withRuntime(async (runtime) => {
    const broken = written(node, "broken", { "src/package.json": "{ broken" });
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(
        runtime.build(broken, new Recorder(), never),
        (error) => error instanceof DenimError && error.code === "invalid-code-package",
      );
    }
  });
});
