import assert from "node:assert/strict";
import { createServer } from "node:http";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { vmSettings } from "../../../tests/support/docker.ts";
import { Recorder, written } from "../../../tests/support/runtime.ts";
import { concat, text, utf8 } from "../../base/bytes.ts";
import { systemClock } from "../../base/clock.ts";
import { DenimError } from "../../base/errors.ts";
import { silentLogger } from "../../base/logger.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { clientOptions, negotiate } from "./connect.ts";
import { DockerRuntime } from "./docker-runtime.ts";
import { FrameSplitter } from "./frames.ts";
import { engineTraits } from "./engine-traits.ts";
import { hostConfig, reachableAddress } from "./host-config.ts";
import { containerName, imageName } from "./names.ts";

const settings = vmSettings("unix:///x").docker.hostConfig;
const platforms = {
  builder: "b",
  pull: false,
  golang: { runtime: "g", dynamicLink: false },
  car: { runtime: "c" },
  java: { runtime: "j" },
  node: { runtime: "n" },
};

function runtime(endpoint: string): DockerRuntime {
  return new DockerRuntime({
    vm: vmSettings(endpoint),
    platforms,
    peer: { networkId: "dev", peerId: "peer0" },
    logger: silentLogger,
    clock: systemClock,
  });
}

Deno.test("names of image and container are those of the recorded peer", () => {
  const peer = { networkId: "dev", peerId: "peer0.org1.example.com" };
  assert.equal(
    imageName(peer, "assetcc", "1.0"),
    "dev-peer0.org1.example.com-assetcc-1.0-41c40bd5bd39754239c9501eec79eedf6734fa44cf32b6197be2ea030a727da2",
  );
  assert.equal(
    containerName(peer, "assetcc", "1.0"),
    "dev-peer0.org1.example.com-assetcc-1.0",
  );
  assert.equal(containerName({ networkId: "", peerId: "P:7" }, "cc", "1+a"), "P-7-cc-1-a");
  assert.match(
    imageName({ networkId: "Dev", peerId: "" }, "CC", "1.0"),
    /^dev-cc-1\.0-[0-9a-f]{64}$/,
  );
  assert.throws(() => imageName({ networkId: "-", peerId: "" }, "cc", "1"), {
    code: "invalid-image-name",
    message: /^Error constructing Docker VM Name\. '--cc-1-[0-9a-f]+' breaks Docker's repository/,
  });
});

Deno.test("the host configuration is that of the recorded peer", () => {
  assert.deepEqual(hostConfig(settings), {
    NetworkMode: "host",
    RestartPolicy: {},
    LogConfig: { Type: "json-file", Config: { "max-file": "5", "max-size": "50m" } },
    Memory: 2147483648,
  });
  assert.deepEqual(
    hostConfig({ ...settings, networkMode: "", dns: ["1.1.1.1"], cpuShares: 5 }, ["h:1"]),
    {
      ...hostConfig(settings),
      Dns: ["1.1.1.1"],
      ExtraHosts: ["h:1"],
      CpuShares: 5,
    },
  );
});

const docker = engineTraits({ Version: "20.10.24" });

Deno.test("containers with a network of their own dial the host by name", () => {
  const bridge = { ...settings, networkMode: "bridge" };
  assert.deepEqual(reachableAddress("127.0.0.1:7052", settings, docker), {
    address: "127.0.0.1:7052",
    extraHosts: [],
  });
  const podman = engineTraits({ Version: "4.3.1", Components: [{ Name: "Podman Engine" }] });
  for (const local of ["127.0.0.1:7052", "0.0.0.0:7052", "localhost:7052", "[::1]:7052", ":7052"]) {
    assert.deepEqual(reachableAddress(local, bridge, docker), {
      address: "host.docker.internal:7052",
      extraHosts: ["host.docker.internal:host-gateway"],
    });
    // Podman makes the entry itself, and before 4.7 knows no host-gateway.
    assert.deepEqual(reachableAddress(local, bridge, podman), {
      address: "host.containers.internal:7052",
      extraHosts: [],
    });
  }
  assert.equal(reachableAddress("peer0:7052", bridge, docker).address, "peer0:7052");
});

Deno.test("the host network of rootless Docker does not lead to a peer on loopback, and that is said", () => {
  const rootless = (NetworkDriver: string) =>
    engineTraits({
      Version: "28.5.2",
      Components: [{ Name: "Engine" }, { Name: "rootlesskit", Details: { NetworkDriver } }],
    });
  const slirp = rootless("slirp4netns");
  for (const local of ["127.0.0.1:7052", "localhost:7052", "[::1]:7052"]) {
    assert.throws(() => reachableAddress(local, settings, slirp), {
      code: "peer-unreachable",
      message: /rootless Docker 28\.5\.2 .*slirp4netns/,
      hint: /peer\.chaincodeListenAddress/,
    });
    assert.equal(reachableAddress(local, settings, rootless("host")).address, local);
  }
  assert.equal(reachableAddress("192.0.2.7:7052", settings, slirp).address, "192.0.2.7:7052");
});

Deno.test("the API version is ours where the engine takes it, else its nearest", () => {
  assert.equal(negotiate("1.41", "1.12"), "1.41");
  assert.equal(negotiate("1.52", "1.44"), "1.44");
  assert.equal(negotiate("1.40", undefined), "1.40");
  assert.equal(negotiate("1.9", "1.6"), "1.9");
});

Deno.test("endpoints become client options, others are refused", () => {
  const options = (endpoint: string) => clientOptions({ endpoint, tls: undefined });
  assert.deepEqual(options("unix:///var/run/docker.sock"), { socketPath: "/var/run/docker.sock" });
  assert.deepEqual(options("tcp://h:2375"), { host: "h", port: "2375", protocol: "http" });
  assert.deepEqual(options("https://[::1]"), { host: "::1", port: "2376", protocol: "https" });
  assert.throws(() => options("docker"), { code: "invalid-endpoint" });
  const tls = { caFile: "/no/ca", certFile: "/no/cert", keyFile: "/no/key" };
  assert.throws(() => options("ssh://me@there"), { code: "invalid-endpoint", hint: /ssh -L/ });
  assert.throws(() => clientOptions({ endpoint: "tcp://h:2376", tls }), {
    code: "bad-tls-material",
    message: /vm\.docker\.tls\.ca\.file/,
  });
});

Deno.test("an engine that is not there gives one error that names the endpoint and what to do", async () => {
  const endpoint = `unix://${join(tmpdir(), "no-such-denim.sock")}`;
  const docker = runtime(endpoint);
  const check = await docker.check();
  assert(!check.ok);
  assert(check.reason.startsWith(`no Docker engine answers at ${endpoint}: `), check.reason);
  const chaincode = written(ChaincodeSpec_Type.NODE, "x", { "src/package.json": "{}" });
  await assert.rejects(
    docker.build(chaincode, new Recorder(), new AbortController().signal),
    (error) => {
      assert(error instanceof DenimError);
      assert.equal(error.code, "docker-unreachable");
      assert.match(error.hint ?? "", /Start Docker, set vm\.endpoint/);
      return true;
    },
  );
  await docker.close();
  const off = await runtime("").check();
  assert(!off.ok && /switched off/.test(off.reason));
});

Deno.test("something that is no Docker engine is told apart from one", async () => {
  const socket = join(tmpdir(), `denim-fake-${Deno.pid}.sock`);
  const server = createServer((_request, response) => response.writeHead(400).end("what?"));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    const check = await runtime(`unix://${socket}`).check();
    assert(!check.ok);
    assert.match(check.reason, /no Docker engine answers at unix:/);
  } finally {
    await new Promise((resolve) => server.close(resolve));
    rmSync(socket, { force: true });
  }
});

Deno.test("output frames are taken apart however they arrive", () => {
  const frame = fc.record({
    stream: fc.constantFrom<"stdout" | "stderr">("stdout", "stderr"),
    content: fc.string({ maxLength: 20 }),
  });
  fc.assert(fc.property(fc.array(frame), fc.array(fc.nat(7)), (frames, sizes) => {
    const bytes = concat(...frames.map(({ stream, content }) => {
      const body = utf8(content);
      const header = new Uint8Array(8);
      header[0] = stream === "stdout" ? 1 : 2;
      new DataView(header.buffer).setUint32(4, body.length);
      return concat(header, body);
    }));
    const seen = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
    const splitter = new FrameSplitter((stream, part) => seen[stream].push(new Uint8Array(part)));
    let at = 0;
    for (const size of sizes) splitter.push(bytes.subarray(at, at += size));
    splitter.push(bytes.subarray(at));
    for (const stream of ["stdout", "stderr"] as const) {
      const expected = frames.filter((frame) => frame.stream === stream)
        .map((frame) => frame.content).join("");
      assert.equal(text(concat(...seen[stream])), text(utf8(expected)));
    }
  }));
});
