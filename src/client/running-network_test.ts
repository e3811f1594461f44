import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import fc from "fast-check";
import { identifyProcess } from "../base/process-identity.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import {
  findRunningNetwork,
  networkFileName,
  networkPointerFile,
  readRunningNetwork,
  type RunningNetwork,
} from "./running-network.ts";

function network(directory: string, pid = process.pid): RunningNetwork {
  return {
    format: 1,
    ...identifyProcess(pid),
    directory,
    channelId: "mychannel",
    ordererAddress: "localhost:7050",
    ordererTlsRootCertFile: join(directory, "orderer.pem"),
    organizations: [{
      mspId: "Org1MSP",
      name: "Org1MSP",
      peerAddress: "localhost:7051",
      adminMspPath: join(directory, "msp"),
      tlsRootCertFile: join(directory, "peer.pem"),
    }],
  };
}

function write(directory: string, content: unknown): void {
  mkdirSync(directory, { recursive: true });
  const text = typeof content === "string" ? content : JSON.stringify(content);
  writeFileSync(join(directory, networkFileName), text);
}

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn("/bin/sh", ["-c", "exit 0"], { stdio: "ignore" });
  await new Promise((resolve) => child.once("exit", resolve));
  assert.ok(child.pid);
  return child.pid;
}

Deno.test("a network is running while its process is", async () => {
  using temporary = temporaryDirectory();
  const directory = temporary.path;
  assert.equal(readRunningNetwork(directory), undefined);
  write(directory, network(directory));
  assert.deepEqual(readRunningNetwork(directory), network(directory));
  write(directory, { ...network(directory), pid: await endedProcess() });
  assert.equal(readRunningNetwork(directory), undefined);
});

Deno.test({
  name: "another process under the old number is not the network",
  ignore: identifyProcess(process.pid).startTime === "",
  fn() {
    using temporary = temporaryDirectory();
    const directory = temporary.path;
    write(directory, { ...network(directory), startTime: "1" });
    assert.equal(readRunningNetwork(directory), undefined);
  },
});

Deno.test("a damaged file is no network, and never one that names groups of processes", () => {
  using temporary = temporaryDirectory();
  const directory = temporary.path;
  const good = network(directory);
  const whole = JSON.stringify(good);
  const damaged: unknown[] = [
    "",
    "{",
    "null",
    "[]",
    whole.slice(0, -2),
    { ...good, format: 2 },
    { ...good, organizations: [] },
    { ...good, organizations: [null] },
    { ...good, organizations: [{ mspId: "Org1MSP" }] },
    { ...good, directory: undefined },
    { ...good, ordererAddress: 7050 },
    ...[0, -1, 1.5, "1", null, 2 ** 53].map((pid) => ({ ...good, pid, startTime: "" })),
  ];
  for (const content of damaged) {
    write(directory, content);
    assert.equal(readRunningNetwork(directory), undefined, JSON.stringify(content));
  }
  fc.assert(fc.property(fc.json(), (content) => {
    write(directory, content);
    assert.equal(readRunningNetwork(directory), undefined);
  }));
});

Deno.test("clients find a network here, above, by name, and the one last started", () => {
  using temporary = temporaryDirectory();
  const project = join(temporary.path, "project");
  const deep = join(project, "a", "b");
  const other = join(temporary.path, "other");
  const state = join(temporary.path, "state");
  const home = { XDG_STATE_HOME: state };
  mkdirSync(deep, { recursive: true });
  assert.equal(findRunningNetwork(deep, home), undefined);

  write(other, network(other));
  const pointer = networkPointerFile(home);
  assert.equal(pointer, join(state, "denim", "network"));
  mkdirSync(join(state, "denim"), { recursive: true });
  writeFileSync(pointer, `${other}\n`);
  assert.equal(findRunningNetwork(deep, home)?.directory, other);

  const near = join(project, ".denim");
  write(near, network(near));
  assert.equal(findRunningNetwork(deep, home)?.directory, near);
  assert.equal(findRunningNetwork(project, {})?.directory, near);
  assert.equal(findRunningNetwork(deep, { ...home, DENIM_NETWORK: other })?.directory, other);
  const missing = join(temporary.path, "missing");
  assert.equal(findRunningNetwork(deep, { ...home, DENIM_NETWORK: missing }), undefined);
});

Deno.test("without a home there is no pointer to the network last started", () => {
  assert.equal(networkPointerFile({}), undefined);
  assert.equal(networkPointerFile({ HOME: "/home/a" }), "/home/a/.local/state/denim/network");
});
