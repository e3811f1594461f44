/** What a chaincode process can use and reach. */
import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  never,
  request,
  script,
  toolchain,
  withRuntime,
} from "../../../tests/support/process-runtime.ts";
import { until } from "../../../tests/support/until.ts";
import { Recorder, written } from "../../../tests/support/runtime.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { ChaincodeToRun, ExitStatus, RunningChaincode } from "../types.ts";
import { memoryOf } from "./memory-limit.ts";
import type { ProcessRuntime } from "./process-runtime.ts";

const mebibyte = 1024 * 1024;
const linux = Deno.build.os === "linux";

async function started(runtime: ProcessRuntime, chaincode: ChaincodeToRun, address?: string) {
  return await runtime.start(request(chaincode, address), new Recorder(), never);
}

function outputOf(running: RunningChaincode): string {
  return running.lastOutput().map(({ text }) => text).join("\n");
}

/** Two listeners: one in the part of the peer, one that is nobody's business. */
async function withListeners(run: (peer: number, other: number) => Promise<void>): Promise<void> {
  const servers = [createServer((socket) => socket.end("hello")), createServer()];
  const ports = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const place = server.address();
    if (place === null || typeof place !== "object") throw new Error("no port");
    ports.push(place.port);
  }
  try {
    await run(ports[0], ports[1]);
  } finally {
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
  }
}

/** Tries each of these and tells how that went. */
const attempts = `
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const [host, peer] = process.argv.at(-1).split(":");
const connect = (to, port) => new Promise((resolve, reject) => {
  const socket = net.connect(Number(port), to);
  socket.once("data", (data) => { socket.destroy(); resolve(String(data)); });
  socket.once("error", reject);
});
const tries = {
  peer: () => connect(host, peer),
  other: () => connect(host, OTHER),
  outside: () => fetch("http://192.0.2.1/"),
  name: () => fetch("http://example.com/"),
  listen: () => new Promise((resolve, reject) => {
    // Deno throws it where nobody can catch it.
    process.once("uncaughtException", reject);
    net.createServer().once("error", reject).listen(0, "127.0.0.1", resolve);
  }),
  passwd: () => fs.readFileSync("/etc/passwd"),
  neighbour: () => fs.readFileSync(SECRET),
  above: () => fs.readdirSync(path.join(process.env.HOME, "..")),
  build: () => fs.writeFileSync("main.js", ""),
  outsideWrite: () => fs.writeFileSync("/tmp/denim-escape", ""),
  run: () => require("node:child_process").execSync("id"),
  remote: () => import("https://example.com/x.js"),
  own: () => { fs.writeFileSync(path.join(os.tmpdir(), "mine"), "x"); return os.tmpdir() === process.env.HOME; },
};
(async () => {
  for (const [name, attempt] of Object.entries(tries)) {
    try {
      console.log(name + ": " + await attempt());
    } catch (error) {
      console.log(name + ": refused " + String(error.message).split("\\n")[0]);
    }
  }
  console.log("done");
  setInterval(() => {}, 1e6);
})();`;

Deno.test("under Deno, JavaScript chaincode reaches the peer and its private directory, nothing else", async () => {
  await withListeners(async (peer, other) => {
    await withRuntime(async (runtime, directory) => {
      const secret = join(directory, "instances", "neighbour", "client.key");
      mkdirSync(join(secret, ".."), { recursive: true });
      const code = attempts.replace("OTHER", String(other))
        .replace("SECRET", JSON.stringify(secret));
      const running = await started(runtime, script(code), `127.0.0.1:${peer}`);
      // Not before it runs: what lies there without an owner is cleared away at the start.
      mkdirSync(join(secret, ".."), { recursive: true });
      writeFileSync(secret, "secret");
      await until("its output", () => outputOf(running).includes("done"));
      const told = new Map(
        outputOf(running).split("\n").map((line) => {
          const colon = line.indexOf(": ");
          return [line.slice(0, colon), line.slice(colon + 2)];
        }),
      );
      assert.equal(told.get("peer"), "hello");
      assert.equal(told.get("own"), "true");
      const refused = [...told].filter(([, how]) => how.startsWith("refused")).map(([name]) =>
        name
      );
      assert.deepEqual(refused, [
        ...["other", "outside", "name", "listen", "passwd", "neighbour", "above", "build"],
        ...["outsideWrite", "run", "remote"],
      ], outputOf(running));
      for (const name of ["other", "outside", "name", "listen"]) {
        assert.match(told.get(name) ?? "", /Requires net access/, name);
      }
      await running.stop();
    }, { engine: "deno" });
  });
});

Deno.test("an instance's directory is its own: nobody else may look into it, and it is gone afterwards", async () => {
  await withRuntime(async (runtime) => {
    const code = "console.log('home ' + process.env.HOME); setInterval(() => {}, 1e6)";
    const running = await started(runtime, script(code));
    await until("its output", () => outputOf(running).includes("home "));
    const home = /home (.*)/.exec(outputOf(running))?.[1] ?? "";
    assert.equal(statSync(home).mode & 0o777, 0o700);
    assert.equal(statSync(join(home, "..")).mode & 0o777, 0o700);
    await running.stop();
    assert.throws(() => statSync(home));
  });
});

/** Takes memory until it is stopped, which must be long before the machine has none left. */
const greedyScript = `
const taken = [];
console.log("starting");
setInterval(() => { if (taken.length < 200) taken.push(Buffer.alloc(${10 * mebibyte}, 1)); }, 5);`;

function assertOutOfMemory(status: ExitStatus): void {
  assert.equal(status.code, 137);
  assert.match(status.meaning, /ran out of memory: it used more than \d+ MiB and was killed/);
  assert.match(status.meaning, /chaincode\.process\.memory/);
}

Deno.test({
  name: "a process that uses more than its memory limit is killed, and that is what its end says",
  ignore: !linux,
  fn: () =>
    withRuntime(async (runtime) => {
      const running = await started(runtime, script(greedyScript));
      assertOutOfMemory(await running.exited);
      assert.match(outputOf(running), /starting/);
    }, { limits: { memoryBytes: 400 * mebibyte, network: "peer" } }),
});

Deno.test({
  name: "the memory of children counts too",
  ignore: !linux || toolchain.npm === undefined || toolchain.node === undefined,
  fn: () =>
    withRuntime(async (runtime) => {
      const chaincode = written(ChaincodeSpec_Type.NODE, "shell", {
        "src/package.json": '{"scripts":{"start":"X=1 node main.js"}}',
        "src/main.js": greedyScript,
      });
      assertOutOfMemory(await (await started(runtime, chaincode)).exited);
    }, { limits: { memoryBytes: 400 * mebibyte, network: "peer" } }),
});

Deno.test({
  name: "the limit is a hard one for Go as well",
  ignore: !linux || toolchain.go === undefined,
  fn: () =>
    withRuntime(async (runtime) => {
      const chaincode = written(ChaincodeSpec_Type.GOLANG, "greedy", {
        "src/greedy/go.mod": "module greedy\n\ngo 1.18\n",
        "src/greedy/main.go": `package main
import ("fmt"; "time")
func main() {
  fmt.Println("starting")
  var taken [][]byte
  for i := 0; i < 300; i++ {
    block := make([]byte, 10<<20)
    for j := range block { block[j] = 1 }
    taken = append(taken, block)
    time.Sleep(time.Millisecond)
  }
  fmt.Println(len(taken))
  select {}
}
`,
      });
      assertOutOfMemory(await (await started(runtime, chaincode)).exited);
    }, { limits: { memoryBytes: 200 * mebibyte, network: "peer" } }),
});

Deno.test({
  name: "memory is counted without what programs share; a process that is gone has none",
  ignore: !linux,
  fn: () => {
    assert(memoryOf(Deno.pid) > 10 * mebibyte);
    assert.equal(memoryOf(2 ** 30), 0);
  },
});
