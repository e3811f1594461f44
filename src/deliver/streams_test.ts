/** The Deliver service over real connections: binding, expiry, idle channels, clients that go away. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { until } from "../../tests/support/until.ts";
import { sleep } from "../base/async.ts";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Counter } from "../base/metrics.ts";
import { silentLogger } from "../base/logger.ts";
import { decodePem } from "../crypto/pem.ts";
import { BlockMetadataIndex, Status } from "../gen/common/common_pb.ts";
import { Deliver, type DeliverResponse } from "../gen/peer/events_pb.ts";
import { serializeIdentity } from "../msp/serialized-identity.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { newBlock, setMetadataSlot } from "../protocol/block.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import { createTestAuthority } from "../rpc/testing-certs.ts";
import type { ClientTls, RpcClient, ServerTls } from "../rpc/types.ts";
import type { PrivateDataSource } from "./block-private-data.ts";
import { createDeliverMetrics } from "./metrics.ts";
import { registerPeerDeliver } from "./peer-deliver.ts";
import { identityExpiresAt } from "./session-access.ts";
import { MemoryChannel, seekEnvelope, type SeekOptions } from "./testing.ts";

/** What has begun and not ended. */
class Balance {
  readonly counts = new Map<string, number>();

  readonly metrics = createDeliverMetrics({
    enabled: true,
    counter: ({ name }) => this.#counter(name),
    gauge: () => assert.fail(),
    histogram: () => assert.fail(),
  });

  #counter(name: string): Counter {
    const counter: Counter = {
      with: () => counter,
      add: (delta) => void this.counts.set(name, (this.counts.get(name) ?? 0) + delta),
    };
    return counter;
  }

  get(name: string): number {
    return this.counts.get(name) ?? 0;
  }
}

interface Served {
  readonly channel: MemoryChannel;
  readonly address: string;
  readonly balance: Balance;
  connect(tls?: ClientTls): RpcClient;
}

async function serve(
  use: (served: Served) => Promise<void>,
  options: {
    blocks?: number;
    clock?: Clock;
    tls?: ServerTls;
    privateData?: PrivateDataSource;
    timeWindowMs?: number;
  } = {},
): Promise<void> {
  const channel = new MemoryChannel(options.blocks ?? 3);
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    tls: options.tls,
    logger: silentLogger,
  });
  const balance = new Balance();
  registerPeerDeliver(server, {
    channel: (id) => id === "mychannel" ? channel : undefined,
    privateData: () => options.privateData,
    mutualTls: options.tls?.clientRootCertificates !== undefined,
    timeWindowMs: options.timeWindowMs,
    clock: options.clock ?? systemClock,
    logger: silentLogger,
    metrics: balance.metrics,
    acl: { check: () => {} },
  });
  const clients: RpcClient[] = [];
  try {
    await use({
      channel,
      address: server.address,
      balance,
      connect: (tls) => {
        const client = createRpcClient({ address: server.address, tls });
        clients.push(client);
        return client;
      },
    });
  } finally {
    for (const client of clients) await client.close();
    await server.close(50);
  }
}

/** Opens a stream and asks for blocks. */
async function ask(client: RpcClient, seek: Partial<SeekOptions>, method = Deliver.method.deliver) {
  const stream = client.stream(method);
  await stream.send(seekEnvelope({ clock: systemClock, ...seek }));
  const answers = stream.responses[Symbol.asyncIterator]();
  return { stream, next: async () => told((await answers.next()).value) };
}

/** Number of a block, or minus a status. */
function told(answer: DeliverResponse | undefined): number | undefined {
  switch (answer?.Type.case) {
    case "block":
      return Number(answer.Type.value.header?.number);
    case "filteredBlock":
      return Number(answer.Type.value.number);
    case "blockAndPrivateData":
      return Number(answer.Type.value.block?.header?.number);
    case "status":
      return -answer.Type.value;
  }
}

Deno.test("a listener on an idle channel gets the newest block at once, by all three calls", async () => {
  const privateData: PrivateDataSource = {
    privateDataOfBlock: () => new Map(),
    collectionsBefore: () => undefined,
    compilePolicy: () => assert.fail(),
  };
  await serve(async ({ channel, connect }) => {
    const client = connect();
    const { deliver, deliverFiltered, deliverWithPrivateData } = Deliver.method;
    for (const method of [deliver, deliverFiltered, deliverWithPrivateData]) {
      const { stream, next } = await ask(client, { start: "newest", stop: 1000 }, method);
      assert.equal(await next(), channel.blocks.length - 1);
      const waiting = next();
      channel.add();
      assert.equal(await waiting, channel.blocks.length - 1);
      stream.cancel();
    }
  }, { privateData });
});

Deno.test("a block with private data that cannot be told ends the call, not the connection", async () => {
  const broken: PrivateDataSource = {
    privateDataOfBlock: () => {
      throw new TypeError("a defect");
    },
    collectionsBefore: () => undefined,
    compilePolicy: () => assert.fail(),
  };
  await serve(async ({ connect }) => {
    const client = connect();
    const { next } = await ask(
      client,
      { start: 0, stop: 1 },
      Deliver.method.deliverWithPrivateData,
    );
    await assert.rejects(next(), { code: "rpc-internal" });
    const other = await ask(client, { start: 0, stop: 0 });
    assert.deepEqual([await other.next(), await other.next()], [0, -Status.SUCCESS]);
  }, { privateData: broken });
});

Deno.test("the time window is the configured one, a quarter of an hour where it is 0", async () => {
  for (
    const [timeWindowMs, offset, expected] of [
      [0, 800_000, 0],
      [0, 1_000_000, -Status.BAD_REQUEST],
      [60_000, 30_000, 0],
      [60_000, 800_000, -Status.BAD_REQUEST],
    ]
  ) {
    await serve(async ({ connect }) => {
      const clock = { now: () => systemClock.now() - offset };
      const { stream, next } = await ask(connect(), { start: 0, stop: 0, clock });
      assert.equal(await next(), expected);
      stream.cancel();
    }, { timeWindowMs });
  }
});

Deno.test("a listener whose certificate expires is FORBIDDEN at the next block", async () => {
  const certificate = readFileSync(
    new URL(
      "../../tests/testdata/golden/crypto-config/peerOrganizations/org1.example.com/users/" +
        "User1@org1.example.com/msp/signcerts/User1@org1.example.com-cert.pem",
      import.meta.url,
    ),
    "utf8",
  );
  const serialized = serializeIdentity("Org1MSP", certificate);
  const expiresAt = identityExpiresAt(serialized) ?? assert.fail();
  const signer: SigningIdentity = { mspId: "Org1MSP", serialized, sign: () => utf8("signature") };
  let now = expiresAt - 1000;
  const clock = { now: () => now };
  await serve(async ({ channel, connect }) => {
    const { next } = await ask(connect(), { start: "newest", stop: 1000, clock, signer });
    assert.equal(await next(), 2);
    const waiting = next();
    now = expiresAt + 1000;
    channel.add();
    assert.equal(await waiting, -Status.FORBIDDEN);
    assert.equal(await next(), undefined);
    // And a new request of the same identity is refused before any block.
    const late = await ask(connect(), { start: 0, stop: 0, clock, signer });
    assert.equal(await late.next(), -Status.FORBIDDEN);
  }, { clock });
});

Deno.test("with mutual TLS a request is bound to the certificate of its connection", async () => {
  const authority = await createTestAuthority("Deliver");
  const [server, mine, other] = await Promise.all(
    ["server", "mine", "other"].map((name) => authority.issue(name)),
  );
  const tls = { ...server, clientRootCertificates: [authority.root] };
  const hashOf = ({ certificate }: { certificate: string }) =>
    new Uint8Array(
      createHash("sha256").update(decodePem(certificate)?.bytes ?? assert.fail()).digest(),
    );
  await serve(async ({ connect }) => {
    const client = connect({ rootCertificates: [authority.root], ...mine });
    for (
      const [tlsCertHash, expected] of [
        [hashOf(mine), 0],
        [hashOf(other), -Status.BAD_REQUEST],
        [emptyBytes, -Status.BAD_REQUEST],
        [new Uint8Array(1 << 16), -Status.BAD_REQUEST],
      ] as const
    ) {
      const { stream, next } = await ask(client, { start: 0, stop: 0, tlsCertHash });
      assert.equal(await next(), expected);
      stream.cancel();
    }
  }, { tls });
});

Deno.test("clients that go away at any moment leave no stream, reader or request behind", async () => {
  const moments = 60;
  await serve(async ({ channel, connect, balance }) => {
    for (let i = 0; i < moments; i++) {
      const client = connect();
      const method = i % 2 === 0 ? Deliver.method.deliver : Deliver.method.deliverFiltered;
      const stream = client.stream(method);
      const answers = stream.responses[Symbol.asyncIterator]();
      // What a stopped client sees is not the question.
      const quiet = (promise: Promise<unknown>) => void promise.catch(() => {});
      if (i % 6 > 0) quiet(stream.send(seekEnvelope({ clock: systemClock, start: 0, stop: 1e6 })));
      if (i % 6 > 1) await answers.next();
      if (i % 6 > 2) quiet(answers.next());
      if (i % 6 > 3) channel.add(bigBlock(channel.blocks.length));
      if (i % 6 > 4) stream.closeSend();
      if (i % 3 > 0) await sleep(i % 5);
      if (i % 4 < 2) stream.cancel();
      else quiet(Promise.resolve(client.close()));
    }
    await until(
      () => `the last reader: ${channel.readers} of them, ${JSON.stringify([...balance.counts])}`,
      () =>
        channel.readers === 0 &&
        balance.get("streams_opened") === balance.get("streams_closed") &&
        balance.get("requests_received") === balance.get("requests_completed"),
    );
    assert.ok(balance.get("streams_opened") >= moments / 2, "most of them arrived");
    const { next } = await ask(connect(), { start: "newest", stop: "newest" });
    assert.equal(await next(), channel.blocks.length - 1);
  });
});

/** Larger than what a connection takes without its reader. */
function bigBlock(number: number) {
  const block = newBlock(BigInt(number), emptyBytes, [new Uint8Array(300_000)]);
  setMetadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER, Uint8Array.of(0));
  return block;
}

Deno.test("requests that are no envelopes end their call; the connection serves on", async () => {
  await serve(async ({ connect, balance }) => {
    const client = connect();
    for (let i = 0; i < 20; i++) {
      const stream = client.stream(Deliver.method.deliver);
      const [garbage] = [seekEnvelope({ clock: systemClock, channelId: "x".repeat(i * 1000) })];
      await stream.send({ ...garbage, payload: new Uint8Array(i * 100_000).fill(255) });
      stream.closeSend();
      const answers = await Array.fromAsync(stream.responses);
      assert.deepEqual(answers.map(told), [-Status.BAD_REQUEST]);
    }
    await until("the end of every stream", () => balance.get("streams_closed") === 20);
    const { next } = await ask(client, { start: 0, stop: 0 });
    assert.equal(await next(), 0);
  });
});
