import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { never, request, script, withRuntime } from "../../../tests/support/process-runtime.ts";
import { until } from "../../../tests/support/until.ts";
import {
  packaged,
  Recorder,
  root,
  withDirectory,
  written,
} from "../../../tests/support/runtime.ts";
import { DenimError } from "../../base/errors.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { startChild } from "./child.ts";
import { identify, startTimeOf, writeRecord } from "./leftovers.ts";
import { dialAddress } from "./process-runtime.ts";
import { findToolchain } from "./toolchain.ts";

async function rejection(promise: Promise<unknown>): Promise<DenimError> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof DenimError, String(error));
    return error;
  }
  throw new Error("it did not fail");
}

Deno.test("nothing of the peer's environment reaches the chaincode but an allow-list", async () => {
  await withRuntime(async (runtime) => {
    const running = await runtime.start(
      request(
        script("console.log('env ' + JSON.stringify(process.env)); setInterval(() => {}, 1e6)"),
      ),
      new Recorder(),
      never,
    );
    await until("its output", () => running.lastOutput().length > 0);
    const line = running.lastOutput().find((line) => line.text.startsWith("env "));
    const names = Object.keys(JSON.parse(line?.text.slice(4) ?? "{}")).sort();
    assert.deepEqual(names.filter((name) => !name.startsWith("DENO_") && name !== "NO_COLOR"), [
      "CORE_CHAINCODE_ID_NAME",
      "CORE_PEER_TLS_ENABLED",
      "HOME",
      "PATH",
      "TMPDIR",
    ]);
    await running.stop();
    await running.stop();
  }, { environment: { PATH: Deno.env.get("PATH") ?? "", AWS_SECRET_ACCESS_KEY: "secret" } });
});

Deno.test("under Deno, JavaScript chaincode cannot read outside its directories", async () => {
  await withRuntime(async (runtime) => {
    const running = await runtime.start(
      request(script("console.log(require('node:fs').readFileSync('/etc/passwd', 'utf8'))")),
      new Recorder(),
      never,
    );
    assert.equal((await running.exited).code, 1);
    const output = running.lastOutput().map((line) => line.text).join("\n");
    assert.match(output, /Requires read access/);
    assert(!output.includes("root:"));
  }, { engine: "deno" });
});

Deno.test("a chaincode that ends at once says so, with its output and its exit code", async () => {
  await withRuntime(async (runtime, directory) => {
    const running = await runtime.start(
      request(script("console.error('no such ledger'); process.exit(3)")),
      new Recorder(),
      never,
    );
    const status = await running.exited;
    assert.equal(status.code, 3);
    assert.match(status.meaning, /exit code 3/);
    assert.deepEqual(running.lastOutput().map((line) => [line.stream, line.text]), [
      ["stderr", "no such ledger"],
    ]);
    assert.deepEqual(readdirSync(join(directory, "instances")), []);
  });
});

Deno.test("a chaincode that ignores SIGTERM is killed with its children after the grace", async () => {
  await withDirectory(async (directory) => {
    const lines: string[] = [];
    const child = startChild({
      command: "/bin/sh",
      arguments: ["-c", "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1000; done"],
      directory,
      environment: { PATH: Deno.env.get("PATH") ?? "" },
      onLine: (_stream, text) => lines.push(text),
    });
    await until("its child's id", () => lines.length > 0);
    const status = await child.stop(50);
    assert.equal(status.signal, "SIGKILL");
    assert.match(status.meaning, /killed/);
    await until("the end of the process", () => startTimeOf(Number(lines[0])) === undefined);
  });
});

Deno.test("TLS files are private to the peer's user and vanish with the instance", async () => {
  await withRuntime(async (runtime, directory) => {
    const running = await runtime.start(
      {
        ...request(script("setInterval(() => {}, 1e6)")),
        tls: { clientKey: "KEY", clientCertificate: "CERT", rootCertificate: "ROOT" },
      },
      new Recorder(),
      never,
    );
    const [instance] = readdirSync(join(directory, "instances"));
    const place = join(directory, "instances", instance);
    assert.equal(statSync(place).mode & 0o777, 0o700);
    for (
      const [name, content] of [["client.key", "S0VZ"], ["client.crt", "Q0VSVA=="], [
        "peer.crt",
        "ROOT",
      ]]
    ) {
      assert.equal(statSync(join(place, name)).mode & 0o777, 0o600);
      assert.equal(readFileSync(join(place, name), "utf8"), content);
    }
    await running.stop();
    assert(!existsSync(place));
  });
});

Deno.test("a package that cannot be installed fails with the installer's words and leaves nothing", async () => {
  const chaincode = written(ChaincodeSpec_Type.NODE, "broken", {
    "src/package.json":
      '{"scripts":{"start":"node x.js"},"dependencies":{"fabric-shim":"99.99.99"}}',
  });
  await withRuntime(async (runtime, directory) => {
    const observer = new Recorder();
    const error = await rejection(runtime.build(chaincode, observer, never));
    assert.equal(error.code, "build-failed");
    assert.match(
      error.message,
      /could not build chaincode broken:1\.0: (deno|npm) install: exit code/,
    );
    assert.match(error.message, /fabric-shim/);
    assert(error.hint !== undefined);
    assert.deepEqual(observer.steps, ["build begin", "build failed"]);
    assert.deepEqual(readdirSync(join(directory, "builds")), []);
  });
});

Deno.test("packages without a usable package.json are refused before anything runs", async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ "src/index.js": "" }, /no package\.json found/],
    [{ "src/package.json": "{" }, /not valid JSON/],
    [{ "src/package.json": "[]" }, /no "start" script/],
    [{ "src/../../escape.js": "x", "src/package.json": "{}" }, /illegal file detected/],
  ];
  await withRuntime(async (runtime) => {
    for (const [files, expected] of cases) {
      const error = await rejection(
        runtime.start(
          request(written(ChaincodeSpec_Type.NODE, "bad", files)),
          new Recorder(),
          never,
        ),
      );
      assert.equal(error.code, "invalid-code-package");
      assert.match(error.message, expected);
    }
  });
});

Deno.test("a runtime that is closed gives up its builds and takes no more", async () => {
  const chaincode = packaged(ChaincodeSpec_Type.NODE, join(root, "examples/asset-js"), "asset");
  await withRuntime(async (runtime, directory) => {
    const controller = new AbortController();
    const build = runtime.build(chaincode, new Recorder(), controller.signal);
    controller.abort();
    assert.equal((await rejection(build)).code, "aborted");
    await runtime.close();
    assert.deepEqual(readdirSync(join(directory, "builds")), []);
    const later = await rejection(runtime.build(chaincode, new Recorder(), never));
    assert.equal(later.code, "runtime-closed");
  });
});

Deno.test("processes left by a killed peer are ended, those of a living peer are not", async () => {
  await withRuntime(async (runtime, directory) => {
    const sleeper = () =>
      startChild({
        command: "/bin/sh",
        arguments: ["-c", "exec sleep 1000"],
        directory: "/",
        environment: { PATH: Deno.env.get("PATH") ?? "" },
        onLine() {},
      });
    const orphan = sleeper();
    const neighbour = sleeper();
    const stranger = sleeper();
    const gone = { pid: Deno.pid, startTime: "1" };
    const instance = (name: string) => {
      const place = join(directory, "instances", name);
      mkdirSync(place, { recursive: true });
      return place;
    };
    writeRecord(instance("orphan"), { owner: gone, chaincode: identify(orphan.pid) });
    writeRecord(instance("neighbour"), {
      owner: identify(Deno.pid),
      chaincode: identify(neighbour.pid),
    });
    // The pid was given to someone else in the meantime.
    writeRecord(instance("stranger"), {
      owner: gone,
      chaincode: { pid: stranger.pid, startTime: "2" },
    });
    writeFileSync(join(instance("damaged"), "process.json"), '{"owner":');
    mkdirSync(join(directory, "builds", "abc.unfinished"), { recursive: true });

    await runtime.build(script("0"), new Recorder(), never);
    assert.equal((await orphan.exited).signal, "SIGKILL");
    assert.notEqual(startTimeOf(neighbour.pid), undefined);
    assert.notEqual(startTimeOf(stranger.pid), undefined);
    assert.deepEqual(readdirSync(join(directory, "instances")), ["neighbour"]);
    assert(!existsSync(join(directory, "builds", "abc.unfinished")));
    await neighbour.stop();
    await stranger.stop();
  });
});

Deno.test("a peer that listens everywhere is dialled on loopback", () => {
  assert.equal(dialAddress("0.0.0.0:7052"), "127.0.0.1:7052");
  assert.equal(dialAddress(":7052"), "127.0.0.1:7052");
  assert.equal(dialAddress("[::]:7052"), "[::1]:7052");
  assert.equal(dialAddress("peer0:7052"), "peer0:7052");
  assert.equal(dialAddress("10.0.0.0:7052"), "10.0.0.0:7052");
});

Deno.test("without any toolchain the check says what is missing", async () => {
  const nothing = findToolchain({ PATH: "/nowhere", GOROOT: "/nowhere" }, "denim");
  await withRuntime(async (runtime) => {
    const check = await runtime.check();
    assert(!check.ok);
    assert.match(check.reason, /no deno, node, go or java/);
    const error = await rejection(runtime.start(request(script("0")), new Recorder(), never));
    assert.equal(error.code, "toolchain-missing");
    const java = written(ChaincodeSpec_Type.JAVA, "java", { "src/pom.xml": "" });
    const other = await rejection(runtime.build(java, new Recorder(), never));
    assert.equal(other.code, "toolchain-missing");
    assert.match(other.hint ?? "", /Install a JDK/);
    const car = written(ChaincodeSpec_Type.CAR, "car", {});
    assert.equal(
      (await rejection(runtime.build(car, new Recorder(), never))).code,
      "unsupported-platform",
    );
  }, { toolchain: nothing });
});
