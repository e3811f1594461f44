/** Chaincode in containers: built, started, answered, replaced, given up. */
import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Deferred, withDeadline } from "../src/base/async.ts";
import { hex } from "../src/base/bytes.ts";
import { DenimError } from "../src/base/errors.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import { containerName, imageName } from "../src/runtime/docker/names.ts";
import type { ChaincodeToRun } from "../src/runtime/types.ts";
import { type DockerForTests, dockerTest, withoutNetwork } from "./support/docker.ts";
import { startFakePeer } from "./support/fake-peer.ts";
import { packaged, Recorder, root, withDirectory, written } from "./support/runtime.ts";
import { containers, options, request, script, withRuntime } from "./support/docker-runtime.ts";
import { until } from "./support/until.ts";

const never = new AbortController().signal;

/** Against a fake peer: build, start, INIT, one transaction, stop; then once more from the image. */
async function exercise(docker: DockerForTests, chaincode: ChaincodeToRun): Promise<void> {
  const peer = await startFakePeer();
  const name = containerName(options(docker).peer, chaincode.name, chaincode.version);
  try {
    await withRuntime(docker, async (runtime) => {
      for (const round of ["build", "image"]) {
        const observer = new Recorder();
        const started = Date.now();
        const running = await runtime.start(
          {
            chaincode,
            peerAddress: peer.address,
            tls: peer.tls(),
            environment: { CORE_CHAINCODE_LOGGING_LEVEL: "info" },
          },
          observer,
          never,
        );
        const stream = await Promise.race([
          peer.registered(60_000),
          running.exited.then((status) => {
            const output = running.lastOutput().map((line) => line.text).join("\n");
            throw new Error(`it ended: ${JSON.stringify(status)}\n${output}`);
          }),
        ]);
        console.log(`${chaincode.name}: ${round}: registered after ${Date.now() - started} ms`);
        assert.equal(stream.name, `${chaincode.name}:1.0`);
        assert.match(await stream.call("init", "init", "a", "ann", "5"), /version 1/);
        assert.match(await stream.call("invoke", "transfer", "a", "bob"), /bob/);
        assert.deepEqual(
          // On an engine where it was built before, it is only labelled anew.
          observer.steps.filter((step) => step.endsWith("end") && step !== "build end"),
          [
            ...(round === "build" ? ["image end"] : []),
            "create end",
            "upload end",
            "start end",
          ],
        );
        await running.stop();
        await stream.ended;
        assert.deepEqual(await containers(docker, name), []);
      }
    });
  } finally {
    await peer.close();
  }
}

dockerTest(
  "JavaScript chaincode is built, registers from its container and answers",
  (docker) =>
    exercise(
      docker,
      packaged(ChaincodeSpec_Type.NODE, join(root, "examples/asset-js"), "assetjs"),
    ),
);

dockerTest("Go chaincode is built, registers from its container and answers", (docker) =>
  exercise(
    docker,
    packaged(ChaincodeSpec_Type.GOLANG, join(root, "examples/asset-go"), "assetgo"),
  ), ["golang"]);

dockerTest("a GOPATH package is built with 1.4.2's command and runs", async (docker) => {
  const chaincode = written(ChaincodeSpec_Type.GOLANG, "gopath", {
    "src/ex.org/hello/main.go": `package main

import (
	"os"

	"ex.org/words"
)

func main() { os.Stdout.WriteString(words.Greeting + os.Args[1] + "\\n") }
`,
    "src/ex.org/hello/vendor/ex.org/words/words.go": 'package words\n\nconst Greeting = "hello "\n',
  }, "ex.org/hello");
  await withRuntime(docker, async (runtime) => {
    const running = await runtime.start(request(chaincode, "127.0.0.1:7"), new Recorder(), never);
    assert.equal((await running.exited).code, 0);
    assert.deepEqual(running.lastOutput().map((line) => line.text), [
      "hello -peer.address=127.0.0.1:7",
    ]);
  });
}, ["golang"]);

dockerTest("packages that bring their dependencies are built without a network", async (docker) => {
  const now = Date.now(); // Nothing like it was built before.
  const node = written(ChaincodeSpec_Type.NODE, "bundled", {
    "src/package.json": JSON.stringify({
      name: "bundled",
      version: "1.0.0",
      scripts: { start: "node main.js" },
      dependencies: { "denim-test-words": "1.0.0" },
    }),
    "src/main.js": 'console.log(require("denim-test-words"));',
    "src/node_modules/denim-test-words/package.json":
      '{"name":"denim-test-words","version":"1.0.0","main":"index.js"}',
    "src/node_modules/denim-test-words/index.js": `module.exports = "words ${now}";`,
  });
  const golang = written(ChaincodeSpec_Type.GOLANG, "vendored", {
    "src/ex.org/vendored/go.mod":
      "module ex.org/vendored\n\ngo 1.17\n\nrequire ex.org/words v1.0.0\n",
    "src/ex.org/vendored/main.go": 'package main\n\nimport "ex.org/words"\n\n' +
      "func main() { println(words.Words) }\n",
    "src/ex.org/vendored/vendor/modules.txt":
      "# ex.org/words v1.0.0\n## explicit; go 1.17\nex.org/words\n",
    "src/ex.org/vendored/vendor/ex.org/words/words.go":
      `package words\n\nconst Words = "words ${now}"\n`,
  }, "ex.org/vendored");
  await withRuntime(withoutNetwork(docker), async (runtime) => {
    await Promise.all([node, golang].map(async (chaincode) => {
      const observer = new Recorder();
      const running = await runtime.start(request(chaincode), observer, never);
      await running.exited;
      assert(observer.steps.includes("build end"));
      assert(
        running.lastOutput().some(({ text }) => text === `words ${now}`),
        running.lastOutput().map(({ text }) => text).join("\n"),
      );
    }));
  });
}, ["node", "golang"]);

for (
  const [language, type] of [["js", ChaincodeSpec_Type.NODE], ["go", ChaincodeSpec_Type.GOLANG]]
) {
  dockerTest(
    `asset-${language}: what a build downloaded is there for the next one, which needs no network`,
    async (docker) => {
      await withDirectory(async (directory) => {
        const source = join(root, `examples/asset-${language}`);
        const changed = join(directory, "changed");
        cpSync(source, changed, { recursive: true });
        writeFileSync(join(changed, "once.json"), JSON.stringify({ at: Date.now() }));
        const recorder = new Recorder();
        await withRuntime(
          docker,
          (runtime) =>
            runtime.build(packaged(Number(type), source, `cached${language}`), recorder, never),
        );
        await withRuntime(
          withoutNetwork(docker),
          (runtime) =>
            runtime.build(packaged(Number(type), changed, `cached${language}`), recorder, never),
        );
        assert.equal(recorder.steps.at(-3), "build end");
      });
    },
    [language === "js" ? "node" : "golang"],
  );
}

dockerTest(
  "a container that ends at once leaves its output and the meaning of its exit",
  async (docker) => {
    await withRuntime(docker, async (runtime) => {
      const chaincode = script("quick", "console.error('no such ledger'); process.exit(3)");
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      const status = await running.exited;
      assert.equal(status.code, 3);
      assert.match(status.meaning, /exit code 3/);
      const lines = running.lastOutput();
      assert(lines.some((line) => line.stream === "stderr" && line.text === "no such ledger"));
      const name = containerName(options(docker).peer, "quick", "1.0");
      assert.deepEqual(await containers(docker, name), []);
      await running.stop();
    });
  },
);

dockerTest(
  "a stale container of the same name is replaced, and a new package is built anew",
  async (docker) => {
    const stay = (word: string) =>
      script("stale", `console.log("${word}"); setInterval(() => {}, 1e6)`);
    await withRuntime(docker, async (first) => {
      const old = await first.start(request(stay("one")), new Recorder(), never);
      await withRuntime(docker, async (second) => {
        const running = await second.start(request(stay("two")), new Recorder(), never);
        await old.exited;
        await until("its output", () => running.lastOutput().some((line) => line.text === "two"));
        const name = containerName(options(docker).peer, "stale", "1.0");
        assert.equal((await containers(docker, name)).length, 1);
      });
    });
  },
);

dockerTest(
  "containers left by a killed peer are removed on first use, others stay",
  async (docker) => {
    const owner = `owner-${Deno.pid}`;
    const idle = (name: string) => script(name, "setInterval(() => {}, 1e6)");
    await withRuntime(docker, async (neighbour) => {
      const other = await neighbour.start(request(idle("other")), new Recorder(), never);
      await withRuntime(docker, async (killed) => {
        const left = await killed.start(request(idle("left")), new Recorder(), never);
        await withRuntime(docker, async (restarted) => {
          await restarted.build(idle("other"), new Recorder(), never);
          await left.exited;
          const name = containerName(options(docker).peer, "other", "1.0");
          assert.equal((await containers(docker, name)).length, 1);
        }, { owner });
      }, { owner });
      await other.stop();
    }, { owner: `${owner}-neighbour` });
  },
);

dockerTest(
  "a build that fails is told with its last lines, to everyone who waits for it",
  async (docker) => {
    const broken = written(ChaincodeSpec_Type.NODE, "broken", { "src/package.json": "{ broken" });
    await withRuntime(docker, async (runtime) => {
      const observers = [new Recorder(), new Recorder()];
      const results = await Promise.allSettled(
        observers.map((observer) => runtime.start(request(broken), observer, never)),
      );
      for (const result of results) {
        assert(result.status === "rejected" && result.reason instanceof DenimError);
        assert.equal(result.reason.code, "build-failed");
        assert.match(result.reason.message, /could not build chaincode broken:1\.0/);
        assert.match(result.reason.message, /JSON/i);
      }
      // One build, seen by the one who began it; the other one is told that it waits for it.
      for (const { steps } of observers) {
        assert.deepEqual(steps, ["build begin", "build failed"]);
      }
      const waited = observers.filter(({ lines }) =>
        lines.some((line) => /^build still running, started \d+ s ago/.test(line))
      );
      assert.equal(waited.length, 1);
    });
  },
);

dockerTest("images of several peers can be removed one by one without force", async (docker) => {
  const chaincode = script("shared", `/* ${Deno.pid} ${Date.now()} */ setInterval(() => {}, 1e6)`);
  const peers = ["first", "second", "third"].map((peerId) => ({
    networkId: `removal${Deno.pid}`,
    peerId,
  }));
  const { docker: engine } = await connectEngine(docker.vm);
  const ids: string[] = [];
  for (const [i, peer] of peers.entries()) {
    await withRuntime(docker, async (runtime) => {
      const observer = new Recorder();
      await runtime.build(chaincode, observer, never);
      // Built once; the other peers' images have the same program under names of their own.
      const ends = observer.steps.filter((step) => step.endsWith("end"));
      assert.deepEqual(ends, i === 0 ? ["build end", "image end"] : ["image end"]);
    }, { peer });
    const { Id } = await engine.getImage(imageName(peer, "shared", "1.0")).inspect();
    ids.push(Id);
  }
  assert.equal(new Set(ids).size, peers.length);
  // The oldest first, by id, as scripts do that look for images by the network's prefix.
  for (const id of ids) await engine.getImage(id).remove();
});

dockerTest("a missing base image is named in the error", async (docker) => {
  const platforms = { ...docker.platforms, builder: "localhost:1/denim/no-such-image" };
  await withRuntime({ ...docker, platforms }, async (runtime) => {
    await assert.rejects(
      runtime.start(request(script("nobase", "0")), new Recorder(), never),
      (error) => {
        assert(error instanceof DenimError);
        assert.equal(error.code, "build-failed");
        assert.match(error.message, /Failed to pull localhost:1\/denim\/no-such-image/);
        assert.match(error.hint ?? "", /chaincode\.builder/);
        return true;
      },
    );
  });
});

dockerTest("a launch that is given up leaves no container behind", async (docker) => {
  await withRuntime(docker, async (runtime) => {
    const controller = new AbortController();
    const chaincode = written(ChaincodeSpec_Type.NODE, "slow", {
      "src/package.json": '{"scripts":{"start":"node x.js","install":"sleep 600"}}',
      "src/once": `${Deno.pid} ${Date.now()}`,
    });
    const observer = new Recorder();
    const started = runtime.start(request(chaincode), observer, controller.signal);
    await until("the build has begun", () => observer.steps.includes("build begin"));
    controller.abort();
    await assert.rejects(started, { code: "aborted" });
    await runtime.close();
    const engine = await connectEngine(docker.vm);
    const filters = JSON.stringify({
      label: [`org.denim.package=${hex(chaincode.packageId)}`],
    });
    assert.deepEqual(await engine.docker.listContainers({ all: true, filters }), []);
  });
});

dockerTest("a container with a network of its own reaches the peer on the host", async (docker) => {
  const arrived = new Deferred<void>();
  const peer = createServer((socket) => {
    arrived.resolve();
    socket.destroy();
  });
  await new Promise<void>((resolve) => peer.listen(0, "0.0.0.0", resolve));
  const place = peer.address();
  assert(place !== null && typeof place === "object");
  const hostConfig = { ...docker.vm.docker.hostConfig, networkMode: "bridge" };
  const vm = { ...docker.vm, docker: { ...docker.vm.docker, hostConfig } };
  const chaincode = script(
    "bridged",
    `const [host, port] = process.argv.at(-1).split(":");
    require("node:net").connect(port, host).on("error", (error) => console.log(error.message));
    setInterval(() => {}, 1e6);`,
  );
  try {
    await withRuntime({ ...docker, vm }, async (runtime) => {
      const running = await runtime.start(
        request(chaincode, `127.0.0.1:${place.port}`),
        new Recorder(),
        never,
      );
      try {
        await withDeadline(arrived.promise, 20_000, "the container's connection");
      } catch (error) {
        throw new Error(running.lastOutput().map((line) => line.text).join("\n"), { cause: error });
      }
    });
  } finally {
    await new Promise((resolve) => peer.close(resolve));
  }
});
