import assert from "node:assert/strict";
import { chmodSync, cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startFakePeer } from "../../../tests/support/fake-peer.ts";
import { never, request, toolchain, withRuntime } from "../../../tests/support/process-runtime.ts";
import {
  packaged,
  Recorder,
  root,
  withDirectory,
  written,
} from "../../../tests/support/runtime.ts";
import { DenimError } from "../../base/errors.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { ChaincodeToRun } from "../types.ts";

const java = ChaincodeSpec_Type.JAVA;
const example = join(root, "examples/asset-java");
const ignore = toolchain.java === undefined || toolchain.mvn === undefined;

/** A JVM needs seconds to register on a busy machine. */
const registerTimeoutMs = 60_000;

/** Starts it against a fake peer; INIT and some invocations. */
async function exercise(chaincode: ChaincodeToRun): Promise<void> {
  await withRuntime(async (runtime, directory) => {
    const peer = await startFakePeer();
    try {
      const observer = new Recorder();
      const running = await runtime.start(
        { chaincode, peerAddress: peer.address, tls: peer.tls(), environment: {} },
        observer,
        never,
      );
      const stream = await Promise.race([
        peer.registered(registerTimeoutMs),
        running.exited.then(() => {
          throw new Error(running.lastOutput().map(({ text }) => text).join("\n"));
        }),
      ]);
      assert.equal(stream.name, "asset:1.0");
      assert(observer.lines.some((line) => line.includes("BUILD SUCCESS")));
      assert.match(await stream.call("init", "init", "a", "ann", "5"), /version 1\.0\.0/);
      assert.match(await stream.call("invoke", "transfer", "a", "bob"), /"owner":"bob","value":5/);
      await assert.rejects(stream.call("invoke", "create", "b", "ann", "x"), /value must be/);
      await running.stop();
      await stream.ended;
      const [build] = readdirSync(join(directory, "builds"));
      assert.deepEqual(readdirSync(join(directory, "builds", build)), ["chaincode.jar"]);
      assert.deepEqual(readdirSync(join(directory, "instances")), []);
    } finally {
      await peer.close();
    }
  });
}

async function failure(chaincode: ChaincodeToRun, more: Parameters<typeof withRuntime>[1] = {}) {
  let error: unknown;
  await withRuntime(async (runtime) => {
    await assert.rejects(runtime.build(chaincode, new Recorder(), never), (thrown) => {
      error = thrown;
      return true;
    });
  }, more);
  assert(error instanceof DenimError, String(error));
  return error;
}

Deno.test({
  name: "Java: the example is built by Maven, registers and answers",
  ignore,
  fn: () => exercise(packaged(java, example, "asset")),
});

Deno.test({
  name: "Java: the example is built for the shim of Fabric 1.4 too, and answers",
  ignore,
  fn: () =>
    withDirectory(async (directory) => {
      const source = join(directory, "asset");
      cpSync(example, source, { recursive: true });
      const pom = join(source, "pom.xml");
      const old = readFileSync(pom, "utf8").replace("[11,)", "[99,)").replace(
        "1.8</jdk>",
        "[11,)</jdk>",
      );
      assert.match(
        old,
        /<jdk>\[11,\)<\/jdk>\s*<\/activation>\s*<properties>\s*<maven\.compiler\.source>1\.8/,
      );
      writeFileSync(pom, old);
      await exercise(packaged(java, source, "asset"));
    }),
});

Deno.test({
  name: "Java: a package that does not compile fails with the compiler's words",
  ignore,
  fn: () =>
    withDirectory(async (directory) => {
      const source = join(directory, "asset");
      cpSync(example, source, { recursive: true });
      const main = join(source, "src/main/java/org/denim/example/AssetChaincode.java");
      writeFileSync(main, readFileSync(main, "utf8").replace("start(args)", "strat(args)"));
      const { code, message } = await failure(packaged(java, source, "asset"));
      assert.equal(code, "build-failed");
      assert.match(message, /mvn package: exit code 1/);
      assert.match(message, /AssetChaincode\.java:\[\d+,\d+\] cannot find symbol/);
      assert.match(message, /symbol: +method strat/);
    }),
});

/** A `mvn` or `gradle` of ours, for what does not depend on the real one. */
async function withTool(
  script: string,
  run: (tool: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const tool = join(directory, "tool");
    writeFileSync(tool, `#!/bin/sh\n${script}\n`);
    chmodSync(tool, 0o755);
    await run(tool);
  });
}

const pom = { "src/pom.xml": "<project/>" };
const gradle = { "src/build.gradle": "", "src/settings.gradle": "", ...pom };

Deno.test("Java: Gradle builds a project that has a build.gradle, by the command of Fabric's image", async () => {
  const script = 'echo "told $*"; mkdir -p build/libs; echo jar > build/libs/chaincode.jar';
  await withTool(script, async (tool) => {
    const tools = { ...toolchain, java: "/usr/bin/java", mvn: undefined, gradle: tool };
    await withRuntime(async (runtime) => {
      const observer = new Recorder();
      await runtime.build(written(java, "gradled", gradle), observer, never);
      const [told] = observer.lines;
      assert.equal(told, "told --no-daemon --console=plain build shadowJar -x test");
    }, { toolchain: tools });
  });
});

Deno.test("Java: what is missing is named: a tool, a project file, the jar", async () => {
  const all = { ...toolchain, java: "/usr/bin/java", mvn: "/bin/true", gradle: "/bin/true" };
  const cases: [Record<string, string>, Partial<typeof all>, string, RegExp][] = [
    [pom, { java: undefined }, "toolchain-missing", /no java was found.*JAVA_HOME/s],
    [pom, { mvn: undefined }, "toolchain-missing", /no Maven was found.*mvn on PATH/s],
    [gradle, { gradle: undefined }, "toolchain-missing", /no Gradle was found.*gradle on PATH/s],
    [{ "src/src/A.java": "" }, {}, "invalid-code-package", /neither pom\.xml nor build\.gradle/],
    [pom, {}, "build-failed", /made no target\/chaincode\.jar.*<finalName>chaincode/s],
    [gradle, {}, "build-failed", /made no build\/libs\/chaincode\.jar.*shadowJar/s],
    [pom, { mvn: "/bin/false" }, "build-failed", /mvn package: exit code 1/],
  ];
  for (const [files, without, code, words] of cases) {
    const error = await failure(written(java, "broken", files), {
      toolchain: { ...all, ...without },
    });
    assert.equal(error.code, code);
    assert.match(`${error.message} ${error.hint}`, words);
  }
});

Deno.test({
  name:
    "Java: the heap stays below the memory limit, and a heap that is full ends the chaincode; a debugger can attach",
  ignore,
  fn: () =>
    withDirectory(async (directory) => {
      // One class in a jar is a chaincode to the runtime; it need not know the shim.
      const source = join(directory, "Greedy.java");
      writeFileSync(
        source,
        `public class Greedy {
          public static void main(String[] args) throws Exception {
            System.out.println("heap " + (Runtime.getRuntime().maxMemory() >> 20));
            System.out.println("home " + System.getProperty("user.home"));
            Thread eater = new Thread(() -> {
              java.util.List<byte[]> eaten = new java.util.ArrayList<>();
              while (true) eaten.add(new byte[1 << 20]);
            });
            eater.start();
            eater.join();
            Thread.sleep(600_000);
          }
        }`,
      );
      const tools = (name: string) => join(toolchain.java ?? "", "..", name);
      const compile = `set -e; ${tools("javac")} -d classes ${source}; mkdir -p target; ` +
        `${tools("jar")} --create --file target/chaincode.jar --main-class Greedy -C classes .`;
      await withTool(compile, (mvn) =>
        withRuntime(async (runtime) => {
          const chaincode = written(java, "greedy", pom);
          const debugged = { ...request(chaincode), inspect: "127.0.0.1:0" };
          const running = await runtime.start(debugged, new Recorder(), never);
          const status = await running.exited;
          const [debuggerLine, ...lines] = running.lastOutput().map(({ text }) => text);
          assert.match(debuggerLine, /^Listening for transport dt_socket at address: \d+$/);
          const heap = Number(/^heap (\d+)$/.exec(lines[0])?.[1]);
          assert(heap > 60 && heap <= 128 * 0.6, lines.join("\n"));
          assert.match(lines[1], /^home .*\/instances\/greedy-1\.0-/);
          assert(lines.some((line) => /java\.lang\.OutOfMemoryError: Java heap space/.test(line)));
          assert.equal(status.code, 3);
        }, {
          toolchain: { ...toolchain, mvn },
          limits: { memoryBytes: 128 * 1024 * 1024, network: "peer" },
        }));
    }),
});
