/** An engine that fails in every way at every step: whoever waits gets the cause in time, and nothing stays. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vmSettings } from "../../../tests/support/docker.ts";
import { written } from "../../../tests/support/runtime.ts";
import { until } from "../../../tests/support/until.ts";
import { PeerFixture } from "../../chaincode/testing/peer-fixture.ts";
import { input } from "../../chaincode/testing/peer-fixture.ts";
import { withDeadline } from "../../base/async.ts";
import { systemClock } from "../../base/clock.ts";
import { DenimError } from "../../base/errors.ts";
import { silentLogger } from "../../base/logger.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { writeTar } from "../platforms/tar.ts";
import { DockerRuntime } from "./docker-runtime.ts";

/** What the engine does instead of its work. */
type Fault = "hang" | "error" | "full" | "cut" | "close" | "gone";
const impatientMs = 1_500;
/** Where something else than the startup timeout is to end a launch, also on a busy machine. */
const patientMs = 60_000;
/** A machine with few processors may take so much longer than the timeout says. */
const slackMs = 20_000;

/** A Docker engine for one launch: answers as a real one, but for the request that a fault is set for. */
class HostileEngine {
  readonly path = join(tmpdir(), `denim-hostile-${Deno.pid}-${Math.random()}.sock`);
  /** Containers that were created and not removed. */
  readonly containers = new Set<string>();
  readonly requests: string[] = [];
  fault: { readonly match: RegExp; readonly kind: Fault } | undefined;
  versions = { Version: "24", ApiVersion: "1.43", MinAPIVersion: "1.12" };
  /** Has it no base images, so that they must be pulled? */
  pulls = false;
  /** So many times the builder's output is not there yet, as with Podman. */
  emptyArchives = 0;
  /** Does the program in the container end at once? */
  exitCode: number | undefined;
  #count = 0;
  readonly #sockets = new Set<Socket>();
  #closing = Promise.resolve();
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  constructor() {
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /** Also again, after it was closed. */
  async listen(): Promise<void> {
    await this.#closing;
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
  }

  close(): Promise<void> {
    return this.#closing = this.#close();
  }

  async #close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.path, { force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = (request.url ?? "").replace(/^\/v[\d.]+/, "");
    const what = `${request.method} ${url.split("?")[0]}`;
    this.requests.push(what);
    const [, version] = /^\/v1\.(\d+)\//.exec(request.url ?? "") ?? [];
    const oldest = Number(this.versions.MinAPIVersion.split(".")[1]);
    if (version !== undefined && Number(version) < oldest) {
      // As a real one does, in the middle of what is sent.
      response.writeHead(400, { connection: "close" }).end(
        '{"message":"client version 1.41 is too old. Minimum supported API version is 1.44"}',
      );
      return void request.socket.destroySoon();
    }
    for await (const _ of request) { /* Read to its end, as engines do. */ }
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (this.fault?.match.test(what)) {
      switch (this.fault.kind) {
        case "hang":
          return;
        case "error":
          return void json(500, { message: "the engine has a bad day" });
        case "full":
          return void json(500, { message: "write /var/lib/docker/x: no space left on device" });
        case "cut":
          response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
          response.write('{"half":');
          return void setTimeout(() => request.socket.destroy(), 5);
        case "close":
          return void request.socket.destroy();
        case "gone":
          return void this.close();
      }
    }
    if (what === "GET /version") {
      return void json(200, this.versions);
    }
    if (what === "GET /_ping") return void response.end("OK");
    if (/^GET \/(images|containers)\/json/.test(what)) return void json(200, []);
    if (/^GET \/images\/(b|r)\/json/.test(what) && !this.pulls) {
      return void json(200, { Config: {} });
    }
    if (what === "POST /images/create") {
      return void response.end('{"status":"Pulling from b"}\n{"status":"Pull complete"}\n');
    }
    if (/^GET \/images\//.test(what)) return void json(404, { message: "No such image" });
    if (what === "POST /build") return void response.end('{"stream":"built"}\n');
    if (what === "POST /containers/create") {
      const kind = url.includes("name=") ? "c" : "b";
      const id = `${kind}${this.#count++}`.padEnd(64, "0");
      this.containers.add(id);
      return void json(201, { Id: id });
    }
    const [, id = ""] = /\/containers\/([^/]+)/.exec(what) ?? [];
    if (request.method === "DELETE") {
      return void (this.containers.delete(id)
        ? response.writeHead(204).end()
        : json(404, { message: "No such container" }));
    }
    if (/\/start$/.test(what)) return void response.writeHead(204).end();
    if (/^PUT .*\/archive$/.test(what)) return void response.writeHead(200).end();
    if (/^GET .*\/archive$/.test(what)) {
      if (this.emptyArchives-- > 0) return void response.end();
      return void response.end(writeTar([{ name: "x", content: new Uint8Array(1) }]));
    }
    if (/\/logs$/.test(what)) return void response.end();
    const builder = id.startsWith("b");
    if (/\/wait$/.test(what)) {
      if (builder) return void json(200, { StatusCode: 0 });
      if (this.exitCode !== undefined) return void json(200, { StatusCode: this.exitCode });
      return; // It runs on.
    }
    if (/\/json$/.test(what)) {
      if (builder) return void json(200, { State: { Running: false, ExitCode: 0 }, Config: {} });
      return void json(200, { State: { Running: this.exitCode === undefined }, Config: {} });
    }
    json(404, { message: `unknown: ${what}` });
  }
}

async function withEngine(
  run: (engine: HostileEngine, launch: () => Promise<unknown>) => Promise<void>,
  startupTimeoutMs = patientMs,
): Promise<void> {
  const engine = new HostileEngine();
  await engine.listen();
  const runtime = new DockerRuntime({
    vm: vmSettings(`unix://${engine.path}`),
    platforms: {
      builder: "b",
      pull: false,
      golang: { runtime: "r", dynamicLink: false },
      car: { runtime: "r" },
      java: { runtime: "r" },
      node: { runtime: "r" },
    },
    peer: { networkId: "dev", peerId: "peer0" },
    owner: "/data",
    logger: silentLogger,
    clock: systemClock,
  });
  const chaincode = written(ChaincodeSpec_Type.NODE, "mycc", { "src/package.json": "{}" });
  const peer = new PeerFixture({
    config: { startupTimeoutMs },
    overrides: {
      runtimeFor: () => ({
        kind: "docker",
        build: (_, observer, signal) => runtime.build(chaincode, observer, signal),
        start: (request, observer, signal) =>
          runtime.start({ ...request, chaincode }, observer, signal),
        check: () => runtime.check(),
        close: () => runtime.close(),
      }),
    },
  });
  peer.deploy("mycc", "1.0", { hangs: true });
  try {
    const launch = () => peer.host.execute(peer.params(), "mycc", "1.0", input());
    await run(engine, launch);
  } finally {
    await engine.close();
    await peer.host.close();
    await runtime.close();
  }
}

const steps: readonly (readonly [name: string, match: RegExp])[] = [
  ["version", /GET \/version/],
  ["look for leftovers", /GET \/containers\/json/],
  ["look for the image", /GET \/images\/dev-/],
  ["look for the base image", /GET \/images\/b\/json/],
  ["pull", /POST \/images\/create/],
  ["remove a stale container", /DELETE .containers.dev/],
  ["create", /POST \/containers\/create/],
  ["start the builder", /POST .containers.b.*start/],
  ["read the build's output", /GET .containers.b.*logs/],
  ["wait for the builder", /POST .containers.b.*wait/],
  ["upload", /PUT .*archive/],
  ["start", /POST .containers.c.*start/],
  ["fetch the build", /GET .*archive/],
  ["image build", /POST \/build/],
];
const said: Readonly<Record<Fault, RegExp>> = {
  hang: /timeout expired|no Docker engine answers|timeout|timed out/,
  error: /the engine has a bad day|no Docker engine answers/,
  full: /no space left on device[^]*Hint: The disk is full|no Docker engine answers/,
  cut: /ECONNRESET|aborted|socket hang up|JSON|terminated|closed|incomplete|timeout expired/i,
  close: /ECONNRESET|socket hang up|closed|terminated/i,
  gone: /does not answer any more|no Docker engine answers|closed|terminated/i,
};

/** Steps that belong to one launch, where a build is shared by several. */
const inLaunch = [
  "version",
  "look for leftovers",
  "look for the image",
  "remove a stale container",
  "start",
];

/** What hangs is given up behind the scenes; then a launch gets through. */
async function succeedsSoon(launch: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
    const error = await launch().then(() => undefined, (error) => error);
    if (/container exited with 3/.test(String(error))) return;
    assert.match(String(error), /timeout expired|no Docker engine answers/);
  }
  throw new Error("the engine works again, but no launch gets through");
}

for (const kind of ["hang", "error", "full", "cut", "close", "gone"] as const) {
  Deno.test(`an engine that does "${kind}" at any step: the cause in time, the next attempt clean`, async () => {
    // Creating is not given up halfway: after a cut answer its own minute has to pass.
    const chosen = steps.filter(([name]) => kind !== "cut" || name !== "create");
    const results = await Promise.allSettled(
      chosen.map(([name, match]) => fails(kind, name, match)),
    );
    for (const [i, result] of results.entries()) {
      if (result.status === "rejected") throw new Error(chosen[i][0], { cause: result.reason });
    }
  });
}

async function fails(kind: Fault, name: string, match: RegExp): Promise<void> {
  const startupTimeoutMs = kind === "hang" || kind === "cut" ? impatientMs : patientMs;
  await withEngine(async (engine, launch) => {
    engine.pulls = name === "pull";
    engine.fault = { match, kind };
    // Leftovers may stay, and a build be over before its output breaks off; the launch goes on.
    // And where nothing comes of waiting for the builder, its end is found by asking.
    const tolerated = ["look for leftovers", "read the build's output"].includes(name) ||
      (name === "wait for the builder" && kind !== "error" && kind !== "full");
    if (tolerated) engine.exitCode = 3;
    const error = await withDeadline(launch(), startupTimeoutMs + slackMs, "the launch").then(
      () => undefined,
      (error) => error,
    );
    assert(error instanceof DenimError, String(error));
    assert.notEqual(error.code, "deadline-exceeded");
    if (!tolerated || !/container exited with 3/.test(error.message)) {
      assert.match(error.message, said[kind]);
    }
    // The next attempt reaches the end of the way: a chaincode that ends is told with its code.
    engine.fault = undefined;
    engine.exitCode = 3;
    if (kind === "gone") await engine.listen();
    if (kind === "hang" || kind === "cut") {
      // A build goes on without those who waited for it, so that it is found, not begun anew.
      if (!inLaunch.includes(name)) return;
      await succeedsSoon(launch);
    } else await assert.rejects(launch(), /container exited with 3/);
    await until("the removal of every container", () => engine.containers.size === 0);
  }, startupTimeoutMs);
}

Deno.test("an engine in whose place a newer one is that refuses the agreed version is agreed with anew", async () => {
  await withEngine(async (engine, launch) => {
    engine.exitCode = 3;
    await assert.rejects(launch(), /container exited with 3/);
    engine.versions = { Version: "29.0.0", ApiVersion: "1.52", MinAPIVersion: "1.44" };
    await assert.rejects(launch(), /client version|closed|ECONNRESET|socket hang up/);
    await assert.rejects(launch(), /container exited with 3/);
  });
});

Deno.test("an engine that is gone while chaincode runs: its end is seen, the runtime closes", async () => {
  await withEngine(async (engine, launch) => {
    const launched = launch().catch((error) => error);
    await until(
      "the container's output is read",
      () => engine.requests.some((what) => /GET .containers.c.*logs/.test(what)),
    );
    await engine.close();
    assert.match(String(await launched), /exit|timeout expired/);
  }, impatientMs);
});

for (
  const versions of [
    { Version: "20.10.24", ApiVersion: "1.41", MinAPIVersion: "1.12" },
    { Version: "29.0.0", ApiVersion: "1.52", MinAPIVersion: "1.44" },
  ]
) {
  Deno.test(`a launch goes its whole way with an engine ${versions.Version}`, async () => {
    await withEngine(async (engine, launch) => {
      engine.versions = versions;
      engine.exitCode = 3;
      await assert.rejects(launch(), /container exited with 3/);
      for (const step of [/POST .build/, /POST .containers.c.*start/, /DELETE .containers.c/]) {
        assert(engine.requests.some((what) => step.test(what)), String(step));
      }
      await until("the removal of every container", () => engine.containers.size === 0);
    });
  });
}

Deno.test("a builder's output that the engine does not give at once is asked for again, never taken as empty", async () => {
  await withEngine(async (engine, launch) => {
    engine.exitCode = 3;
    engine.emptyArchives = 2;
    await assert.rejects(launch(), /container exited with 3/);
    const asked = engine.requests.filter((what) => /^GET .*archive$/.test(what));
    assert.equal(asked.length, 3);
  });
});

Deno.test("a build outlives the client that gave up, and who asks again is told how long it runs", async () => {
  await withEngine(async (engine, launch) => {
    engine.fault = { match: /(POST .containers.b.*wait|GET .containers.b.*json)/, kind: "hang" };
    await assert.rejects(launch(), /timeout expired/);
    await assert.rejects(launch(), /build still running, started \d+ s ago; waiting for it/);
    const builders = engine.requests.filter((what) => what === "POST /containers/create");
    assert.equal(builders.length, 1);
  }, impatientMs);
});
