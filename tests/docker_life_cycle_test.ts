/** Chaincode containers over their life: limits, what others do to them, what is cleared away. */
import assert from "node:assert/strict";
import { createServer, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withDeadline } from "../src/base/async.ts";
import { hex } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import type { ContainerHardening } from "../src/config/types.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import { DockerRuntime } from "../src/runtime/docker/docker-runtime.ts";
import { containerName, imageName } from "../src/runtime/docker/names.ts";
import type { ChaincodeToRun } from "../src/runtime/types.ts";
import { type DockerForTests, dockerTest } from "./support/docker.ts";
import { request, script } from "./support/docker-runtime.ts";
import { startFakePeer } from "./support/fake-peer.ts";
import { packaged, Recorder, root, written } from "./support/runtime.ts";
import { until } from "./support/until.ts";

const never = new AbortController().signal;
const peer = { networkId: "life", peerId: `peer${Deno.pid}` };
const hardening: ContainerHardening = {
  noNewPrivileges: true,
  capDrop: ["ALL"],
  pidsLimit: 1024,
  readonlyRootfs: "auto",
  builder: {
    capAdd: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"],
    memory: 4294967296,
    pidsLimit: 4096,
    cpuShares: 512,
  },
};

function runtimeOf(docker: DockerForTests, owner: string, more: Partial<DockerForTests> = {}) {
  const settings = { ...docker, ...more };
  const vm = { ...settings.vm, docker: { ...settings.vm.docker, hardening } };
  return new DockerRuntime({
    ...settings,
    vm,
    peer,
    owner: `${owner}-${Deno.pid}`,
    logger: silentLogger,
    clock: systemClock,
  });
}

/** Registers with its certificates and answers, in a container with all limits. */
async function exerciseLimited(docker: DockerForTests, chaincode: ChaincodeToRun): Promise<void> {
  const fakePeer = await startFakePeer();
  const runtime = runtimeOf(docker, "limits");
  try {
    const start = {
      chaincode,
      peerAddress: fakePeer.address,
      tls: fakePeer.tls(),
      environment: {},
    };
    const running = await runtime.start(start, new Recorder(), never);
    const stream = await Promise.race([
      fakePeer.registered(60_000),
      running.exited.then(() => {
        throw new Error(running.lastOutput().map(({ text }) => text).join("\n"));
      }),
    ]);
    await stream.call("init", "init", "a", "ann", "5");
    assert.match(await stream.call("invoke", "transfer", "a", "bob"), /bob/);
    const { docker: engine } = await connectEngine(docker.vm);
    const description: unknown = await engine.getContainer(running.id).inspect();
    const json = JSON.stringify(description);
    assert.match(json, /"CapDrop":\["ALL"\]|"CapDrop":\[("[A-Z_]+",?){14}\]/); // Podman names each.
    assert.match(json, /"SecurityOpt":\["no-new-privileges"\]/);
    assert.match(json, /"PidsLimit":1024/);
    const readonly = chaincode.type === ChaincodeSpec_Type.GOLANG;
    assert.match(json, new RegExp(`"ReadonlyRootfs":${readonly}`));
    await running.stop();
  } finally {
    await runtime.prune([]);
    await runtime.close();
    await fakePeer.close();
  }
}

dockerTest(
  "JavaScript chaincode runs without capabilities and new privileges",
  (docker) =>
    exerciseLimited(
      docker,
      packaged(ChaincodeSpec_Type.NODE, join(root, "examples/asset-js"), "limitedjs"),
    ),
);

dockerTest(
  "Go chaincode runs on a read-only root, with its certificates",
  (docker) =>
    exerciseLimited(
      docker,
      packaged(ChaincodeSpec_Type.GOLANG, join(root, "examples/asset-go"), "limitedgo"),
    ),
  ["golang"],
);

dockerTest("a builder has no new privileges, few capabilities and limits", async (docker) => {
  const runtime = runtimeOf(docker, "builder");
  const { docker: engine, close } = await connectEngine(docker.vm);
  // npm shows what a script writes when it fails.
  const install = "grep -E '^(CapEff|NoNewPrivs)' /proc/self/status; sleep 3; exit 1";
  const chaincode = written(ChaincodeSpec_Type.NODE, "confined", {
    "src/package.json": JSON.stringify({ scripts: { start: "node x.js", install } }),
    "src/once": `${Deno.pid} ${Date.now()}`,
  });
  try {
    const failed = runtime.build(chaincode, new Recorder(), never).then(
      () => assert.fail("it was built"),
      (error) => String(error),
    );
    const label = [`org.denim.package=${hex(chaincode.packageId)}`];
    const find = async () =>
      await engine.listContainers({ all: true, filters: JSON.stringify({ label }) });
    // The engine lists a container a moment before it can be asked about it.
    const { HostConfig } = await until("the builder's container", async () => {
      const builder = (await find()).at(0);
      return builder && await engine.getContainer(builder.Id).inspect().catch(() => undefined);
    });
    assert.deepEqual(HostConfig?.SecurityOpt, ["no-new-privileges"]);
    assert.equal(HostConfig?.Memory, hardening.builder.memory);
    assert.equal(HostConfig?.PidsLimit, hardening.builder.pidsLimit);
    assert.equal(HostConfig?.CpuShares, hardening.builder.cpuShares);
    const error = await failed;
    assert.match(error, /NoNewPrivs:\s+1/);
    assert.match(error, /CapEff:\s+00000000000000db/);
    assert.deepEqual(await find(), []);
  } finally {
    await runtime.close();
    close();
  }
});

dockerTest("an image that somebody deleted is built again on the next start", async (docker) => {
  const runtime = runtimeOf(docker, "deleted");
  const chaincode = script("deleted");
  try {
    await (await runtime.start(request(chaincode), new Recorder(), never)).stop();
    const { docker: engine } = await connectEngine(docker.vm);
    await engine.getImage(imageName(peer, "deleted", "1.0")).remove();
    const again = new Recorder();
    const running = await runtime.start(request(chaincode), again, never);
    assert(again.steps.includes("image end"), again.steps.join());
    await running.stop();
  } finally {
    await runtime.prune([]);
    await runtime.close();
  }
});

dockerTest(
  "a container that somebody removed has ended, and the next one starts",
  async (docker) => {
    const runtime = runtimeOf(docker, "removed");
    try {
      const running = await runtime.start(request(script("removed")), new Recorder(), never);
      const { docker: engine } = await connectEngine(docker.vm);
      await engine.getContainer(running.id).remove({ force: true });
      assert.match((await running.exited).meaning, /killed|not known/);
      const next = await runtime.start(request(script("removed")), new Recorder(), never);
      await next.stop();
    } finally {
      await runtime.prune([]);
      await runtime.close();
    }
  },
);

dockerTest(
  "prune removes images of what is not installed, none of another peer",
  async (docker) => {
    const ours = runtimeOf(docker, "pruner");
    const theirs = runtimeOf(docker, "neighbour");
    const [kept, dropped, foreign] = [
      script("kept", "// 1"),
      script("dropped", "// 2"),
      script("foreign", "// 3"),
    ];
    try {
      await ours.build(kept, new Recorder(), never);
      await ours.build(dropped, new Recorder(), never);
      await theirs.build(foreign, new Recorder(), never);
      const pruned = await ours.prune([kept]);
      assert.deepEqual(
        pruned.map(({ kind, name }) => [kind, name]),
        [["image", imageName(peer, "dropped", "1.0")]],
      );
      assert(pruned[0].bytes > 0 && pruned[0].bytes < 1024 * 1024, String(pruned[0].bytes));
      for (const [chaincode, there] of [[kept, true], [dropped, false], [foreign, true]] as const) {
        assert.equal(await ours.hasImage(imageName(peer, chaincode.name, "1.0")), there);
      }
      assert.deepEqual(await theirs.prune([foreign]), []);
      assert.equal((await ours.prune([])).length, 1);
      assert.equal((await theirs.prune([])).length, 1);
    } finally {
      await ours.close();
      await theirs.close();
    }
  },
);

dockerTest(
  "when the engine's connections break, a container's end is still seen",
  async (docker) => {
    const sockets = new Set<Socket>();
    const proxy = createServer((incoming, outgoing) => {
      const forwarded = httpRequest({
        socketPath: docker.vm.endpoint.replace("unix://", ""),
        path: incoming.url,
        method: incoming.method,
        headers: incoming.headers,
      }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
        answer.on("error", () => outgoing.destroy());
      });
      forwarded.on("error", () => outgoing.destroy());
      outgoing.on("close", () => forwarded.destroy());
      incoming.pipe(forwarded);
    });
    proxy.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    const path = join(tmpdir(), `denim-proxy-${Deno.pid}.sock`);
    await new Promise<void>((resolve) => proxy.listen(path, resolve));
    const vm = { ...docker.vm, endpoint: `unix://${path}` };
    const runtime = runtimeOf(docker, "broken", { vm });
    try {
      const running = await runtime.start(request(script("broken")), new Recorder(), never);
      for (const socket of sockets) socket.destroy();
      const { docker: direct } = await connectEngine(docker.vm);
      await direct.getContainer(running.id).remove({ force: true });
      await withDeadline(running.exited, 20_000, "the container's end");
      const next = await runtime.start(request(script("broken")), new Recorder(), never);
      const { docker: engine } = await connectEngine(docker.vm);
      const filters = JSON.stringify({ name: [`^/?${containerName(peer, "broken", "1.0")}$`] });
      assert.equal((await engine.listContainers({ all: true, filters })).length, 1);
      await next.stop();
      assert.deepEqual(await engine.listContainers({ all: true, filters }), []);
    } finally {
      await runtime.prune([]);
      await runtime.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    }
  },
);
