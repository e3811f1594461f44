/** Thousands of clients follow the blocks of one peer. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { invokeAndCommit, queryChaincode } from "../src/client/chaincode-lifecycle.ts";
import { networkClient } from "../src/client/network-client.ts";
import { readRunningNetwork } from "../src/client/running-network.ts";
import { maxBlockNumber, seekEnvelope } from "../src/client/seek.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { Deliver } from "../src/gen/peer/events_pb.ts";
import { createRpcClient } from "../src/rpc/client.ts";
import { installAsset, Workplace } from "./support/denim.ts";
import { until } from "./support/until.ts";

const connections = 250;
const streamsPerConnection = 20;
const streams = connections * streamsPerConnection;
const channelId = "mychannel";

/** Measured: some 170 MB. */
const maxGrowthBytes = 600 * 1024 * 1024;
/** Measured: some 5 ms. */
const maxMedianQueryMs = 500;

const call = (...args: string[]) => ({
  name: "asset",
  version: "",
  path: "",
  type: ChaincodeSpec_Type.NODE,
  args: args.map(utf8),
});

const residentBytes = (pid: number) =>
  1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

Deno.test("5,000 open event streams: bounded memory and files, others are answered, all get the block", async () => {
  await using work = new Workplace();
  await work.up("--runtime", "process");
  await work.ok(installAsset("1"));
  await work.ok([
    ...["chaincode", "instantiate", "-C", channelId, "-n", "asset", "-v", "1"],
    ...["-c", '{"Args":["init"]}'],
  ]);
  const network = readRunningNetwork(join(work.directory, ".denim")) ?? assert.fail();
  const [org] = network.organizations;
  const client = await networkClient(network, org, systemClock);
  const tls = { rootCertificates: [readFileSync(org.tlsRootCertFile, "utf8")] };
  const clients = Array.from(
    { length: connections },
    () => createRpcClient({ address: org.peerAddress, tls, connectTimeoutMs: 30_000 }),
  );
  const before = { bytes: residentBytes(network.pid), files: openFiles(network.pid) };
  try {
    // `newest` sends one block at once: then a stream is known to be open.
    const seek = seekEnvelope({
      channelId,
      signer: client.signer,
      clock: systemClock,
      start: "newest",
      stop: maxBlockNumber,
    });
    const received = new Uint32Array(streams);
    const failures: unknown[] = [];
    const follow = async (index: number) => {
      const stream = clients[index % connections].stream(Deliver.method.deliverFiltered);
      await stream.send(seek);
      for await (const { Type } of stream.responses) {
        if (Type.case !== "filteredBlock") throw new Error(`stream ${index} got ${Type.case}`);
        received[index]++;
      }
    };
    let over = false;
    const following = Array.from({ length: streams }, (_, index) =>
      follow(index).catch((error) => {
        if (!over) failures.push(error);
      }));
    const all = (count: number) => () => {
      if (failures.length > 0) throw failures[0];
      return received.every((blocks) => blocks >= count);
    };
    await until("every stream's first block", all(1), 120_000);
    const open = { bytes: residentBytes(network.pid), files: openFiles(network.pid) };

    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const started = performance.now();
      await queryChaincode(client, channelId, call("list"));
      times.push(performance.now() - started);
    }
    const median = times.toSorted((a, b) => a - b)[times.length / 2];
    const started = performance.now();
    await invokeAndCommit(client, channelId, call("create", "a", "ann", "1"));
    await until("the new block on every stream", all(2), 60_000);
    const spread = performance.now() - started;

    over = true;
    await Promise.all(clients.map((one) => one.close()));
    await Promise.all(following);
    await until("the files are closed", () => openFiles(network.pid) < before.files + 20, 30_000);
    console.log(
      `# ${streams} streams: ${Math.round((open.bytes - before.bytes) / 2 ** 20)} MB more, ` +
        `${open.files - before.files} files more, query ${median.toFixed(1)} ms, ` +
        `invoke and block on all streams ${Math.round(spread)} ms`,
    );
    assert.ok(open.bytes - before.bytes < maxGrowthBytes, `${open.bytes} after ${before.bytes}`);
    assert.ok(open.files - before.files <= connections + 20, `${open.files} files`);
    assert.ok(median < maxMedianQueryMs, `a query took ${median} ms`);
    await queryChaincode(client, channelId, call("list"));
  } finally {
    await Promise.all(clients.map((one) => one.close()));
    client.close();
  }
});
