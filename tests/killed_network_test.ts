/** kill -9 of the network's process at any moment: what was reported committed is there afterwards. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text, utf8 } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { invokeAndCommit, queryChaincode } from "../src/client/chaincode-lifecycle.ts";
import { networkClient } from "../src/client/network-client.ts";
import { readRunningNetwork, type RunningNetwork } from "../src/client/running-network.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { installAsset, Workplace } from "./support/denim.ts";

const rounds = 10;
/** So many clients invoke at once. */
const invokers = 3;
/** A round's process is killed after at most this long; the first invocations launch the chaincode. */
const maxRoundMs = 1_500;
const channelId = "mychannel";

const call = (...args: string[]) => ({
  name: "asset",
  version: "",
  path: "",
  type: ChaincodeSpec_Type.NODE,
  args: args.map(utf8),
});

/** Command lines of what runs out of the peers' directories: chaincode, and builds of it. */
function chaincodeProcesses(directory: string): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return command.includes(join(directory, "peers")) ? [`${pid} ${command}`] : [];
    } catch {
      return []; // it has ended
    }
  });
}

Deno.test("killed at random moments, the network keeps what it said was committed", async () => {
  await using work = new Workplace();
  const directory = join(work.directory, ".denim");
  await work.up("--runtime", "process");
  await installAndInstantiate(work);
  const committed: string[] = [];
  let next = 0;
  for (let round = 0; round < rounds; round++) {
    const network = running(directory);
    const client = await networkClient(network, network.organizations[0], systemClock);
    try {
      let killed = false;
      const kill = setTimeout(() => {
        killed = true;
        Deno.kill(network.pid, "SIGKILL");
      }, randomInt(maxRoundMs));
      const workers = Array.from({ length: invokers }, async () => {
        for (;;) {
          const id = `a${next++}`;
          try {
            await invokeAndCommit(client, channelId, call("create", id, "ann", "1"));
            committed.push(id);
          } catch (error) {
            if (!killed) throw error;
            return;
          }
        }
      });
      for (const result of await Promise.allSettled(workers)) {
        if (result.status === "fulfilled") continue;
        clearTimeout(kill);
        throw result.reason;
      }
    } finally {
      client.close();
    }
    await work.ok(["up", "--detach", "--runtime", "process"]);
  }
  const network = running(directory);
  const client = await networkClient(network, network.organizations[0], systemClock);
  try {
    const assets = JSON.parse(text(await queryChaincode(client, channelId, call("list"))));
    const known = new Set(assets.map(({ id }: { id: string }) => id));
    const lost = committed.filter((id) => !known.has(id));
    assert.deepEqual(lost, [], `lost of ${committed.length}`);
    assert.ok(committed.length > rounds, `only ${committed.length} were committed`);
  } finally {
    client.close();
  }
  assert.match(await work.ok(["ledger", "verify", "-C", channelId]), /signatures are right/);
  const processes = chaincodeProcesses(directory);
  assert.equal(processes.length, 1, `one peer runs one instance: ${processes.join("\n")}`);
  await work.ok(["down"]);
  assert.deepEqual(chaincodeProcesses(directory), []);
});

Deno.test("down ends the chaincode of a network that was killed", async () => {
  await using work = new Workplace();
  const directory = join(work.directory, ".denim");
  await work.up("--runtime", "process");
  await installAndInstantiate(work);
  assert.equal(chaincodeProcesses(directory).length, 1);
  Deno.kill(running(directory).pid, "SIGKILL");
  await work.ok(["down", "--purge"]);
  assert.deepEqual(chaincodeProcesses(directory), []);
  assert.throws(() => Deno.statSync(directory));
});

async function installAndInstantiate(work: Workplace): Promise<void> {
  await work.ok(installAsset("1"));
  await work.ok([
    ...["chaincode", "instantiate", "-C", channelId, "-n", "asset", "-v", "1"],
    ...["-c", '{"Args":["init"]}'],
  ]);
}

function running(directory: string): RunningNetwork {
  const network = readRunningNetwork(directory);
  if (!network) throw new Error(`no network runs in ${directory}`);
  return network;
}

Deno.test("down leaves a network that runs elsewhere alone, whatever it may delete, and names it", async () => {
  await using work = new Workplace();
  const elsewhere = join(work.directory, "elsewhere");
  mkdirSync(elsewhere);
  await work.ok(["up", "--detach", "--port", "0", "--dir", "elsewhere/.denim"]);
  const { code, out, err } = await work.run(["down", "--purge"]);
  assert.equal(code, 0);
  assert.equal(out, "No development network is running here\n");
  assert.match(err, /^one runs in .*elsewhere\/\.denim: denim down --dir .*elsewhere\/\.denim\n/);
  assert.ok(readRunningNetwork(join(elsewhere, ".denim")));
  // Other commands find it, as the one last started.
  await work.ok(["channel", "list"]);
  const stopped = await work.ok(["down", "--purge"], { directory: elsewhere });
  assert.match(stopped, /^Stopped .*\nDeleted .*elsewhere\/\.denim\n$/);
});
