import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import { Deferred, sleep, withDeadline } from "../base/async.ts";
import { silentLogger } from "../base/logger.ts";
import {
  ChannelHeaderSchema,
  type Envelope,
  HeaderType,
  PayloadSchema,
  Status,
} from "../gen/common/common_pb.ts";
import { SeekInfo_SeekBehavior, SeekInfoSchema } from "../gen/orderer/ab_pb.ts";
import { createDeliverClient } from "./deliver-client.ts";

import {
  type Answer,
  blockResponse,
  blocks,
  honest,
  startOrderer,
  statusResponse,
  withOrderers,
} from "./deliver_testkit.ts";

Deno.test("an orderer that ends the stream after each block is asked again from where the ledger ends", async () => {
  const stuttering: Answer = async function* (from) {
    await Promise.resolve();
    if (from < blocks.length) yield blockResponse(blocks[from]);
  };
  await withOrderers([stuttering], async (run) => {
    const client = createDeliverClient(run.options);
    client.start();
    await run.height(blocks.length);
    await client.stop();
    const starts = run.orderers[0].seeks.slice(0, blocks.length - 1).map((seek) => {
      const { start } = fromBinary(SeekInfoSchema, fromBinary(PayloadSchema, seek.payload).data);
      return start?.Type.case === "specified" ? Number(start.Type.value.number) : undefined;
    });
    assert.deepEqual(starts, blocks.slice(1).map((_, index) => index + 1));
  });
});

Deno.test("of two orderers one dies in the middle of its blocks: the other goes on where the ledger ends", async () => {
  const dying: Answer = async function* (from, signal) {
    for (const block of blocks.slice(from, 4)) yield blockResponse(block);
    await sleep(600_000, signal);
  };
  await withOrderers([dying, honest], async (run) => {
    const client = createDeliverClient(run.options);
    client.start();
    try {
      await run.height(4);
      await run.orderers[0].server.close(0);
      await run.height(blocks.length);
    } finally {
      await client.stop();
    }
    assert.equal(run.orderers[0].seeks.length, 1);
    const [seek] = run.orderers[1].seeks;
    const { start } = fromBinary(SeekInfoSchema, fromBinary(PayloadSchema, seek.payload).data);
    assert.equal(start?.Type.case === "specified" && start.Type.value.number, 4n);
    assert.equal(run.warnings.length, 1, run.warnings.join("\n"));
  });
});

Deno.test("statuses other than blocks lead to the next orderer and are reported once each", async () => {
  const refusing: Answer = async function* () {
    await Promise.resolve();
    yield statusResponse(Status.FORBIDDEN);
  };
  const unready: Answer = async function* () {
    await Promise.resolve();
    yield statusResponse(Status.SERVICE_UNAVAILABLE);
  };
  const gate = new Deferred<void>();
  let asked = 0;
  const late: Answer = async function* (from, signal) {
    if (++asked < 4) yield statusResponse(Status.NOT_FOUND);
    else {
      gate.resolve();
      yield* honest(from, signal);
    }
  };
  await withOrderers([refusing, unready, late], async (run) => {
    const client = createDeliverClient(run.options);
    client.start();
    await run.height(blocks.length);
    await client.stop();
    assert.deepEqual(
      run.warnings.map((line) => line.replace(/.*status /, "")).sort(),
      ["FORBIDDEN", "NOT_FOUND", "SERVICE_UNAVAILABLE"],
    );
  });
});

Deno.test("orderers in maintenance are asked for as long as it lasts, at least every ten seconds", async () => {
  let asked = 0;
  const maintained: Answer = async function* (from, signal) {
    asked++;
    if (asked <= 12) yield statusResponse(Status.FORBIDDEN);
    else if (asked <= 24) yield statusResponse(Status.SERVICE_UNAVAILABLE);
    else yield* honest(from, signal);
  };
  await withOrderers([maintained], async (run) => {
    const pauses: number[] = [];
    const client = createDeliverClient({
      ...run.options,
      reconnect: { reconnectTotalTimeMs: 1_000 },
      sleep: (ms) => {
        pauses.push(ms);
        return Promise.resolve();
      },
    });
    client.start();
    try {
      await run.height(blocks.length);
    } finally {
      await client.stop();
    }
    assert.deepEqual(pauses.slice(0, 8), [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000]);
    assert.ok(pauses.slice(8).every((ms) => ms === 10_000));
    assert.equal(pauses.length, 24);
    // Both refusals have the same code: one line for the orderer.
    assert.equal(run.warnings.length, 1);
  });
});

Deno.test("a peer whose clock is wrong is told so, and goes on once it is right", async () => {
  const timeWindowMs = 15 * 60 * 1000;
  let skewMs = 2 * timeWindowMs;
  const hints: unknown[] = [];
  const strict = (seek: Envelope): Answer => {
    const { header } = fromBinary(PayloadSchema, seek.payload);
    const { timestamp } = fromBinary(
      ChannelHeaderSchema,
      header?.channelHeader ?? new Uint8Array(0),
    );
    const apartMs = Math.abs(Number(timestamp?.seconds) * 1000 - Date.now());
    if (apartMs <= timeWindowMs) return honest;
    return async function* () {
      await Promise.resolve();
      yield statusResponse(Status.BAD_REQUEST);
    };
  };
  const orderer = await startOrderer((from, signal) =>
    strict(orderer.seeks.at(-1) ?? fail())(from, signal)
  );
  const fail = () => assert.fail("no request");
  try {
    await withOrderers([], async (run) => {
      const client = createDeliverClient({
        ...run.options,
        addresses: () => [orderer.server.address],
        clock: { now: () => Date.now() + skewMs },
        logger: { ...silentLogger, warn: (_, facts) => hints.push(facts?.hint) },
        sleep: (_, signal) => {
          if (orderer.seeks.length === 3) skewMs = -60_000;
          return sleep(5, signal);
        },
      });
      client.start();
      try {
        await run.height(blocks.length);
      } finally {
        await client.stop();
      }
    });
  } finally {
    await orderer.server.close(0);
  }
  assert.equal(orderer.seeks.length, 4);
  assert.equal(hints.length, 1);
  assert.match(String(hints[0]), /clocks of both machines/);
});

Deno.test("the request is signed, names the first block wanted and binds the TLS certificate", async () => {
  await withOrderers([honest], async (run) => {
    const tlsCertificateHash = new Uint8Array(createHash("sha256").update("cert").digest());
    const client = createDeliverClient({ ...run.options, tlsCertificateHash });
    client.start();
    await run.height(2);
    await client.stop();
    const [seek] = run.orderers[0].seeks;
    const payload = fromBinary(PayloadSchema, seek.payload);
    const header = fromBinary(
      ChannelHeaderSchema,
      payload.header?.channelHeader ?? new Uint8Array(0),
    );
    assert.equal(header.type, HeaderType.DELIVER_SEEK_INFO);
    assert.equal(header.channelId, "mychannel");
    assert.deepEqual(header.tlsCertHash, tlsCertificateHash);
    const info = fromBinary(SeekInfoSchema, payload.data);
    assert.equal(info.behavior, SeekInfo_SeekBehavior.BLOCK_UNTIL_READY);
    assert.deepEqual(
      info.stop?.Type.case === "specified" && info.stop.Type.value.number,
      2n ** 64n - 1n,
    );
    const identity = run.channel.bundle().mspManager.deserializeIdentity(
      run.options.signer.serialized,
    );
    assert.ok(identity.verify(seek.payload, seek.signature));
  });
});

Deno.test("stop ends a waiting stream, a pause and a client that never started, at once", async () => {
  await withOrderers([honest], async (run) => {
    const waiting = createDeliverClient(run.options);
    waiting.start();
    await run.height(blocks.length);
    await withDeadline(waiting.stop(), 20_000, "stop of a waiting stream");
    const idle = createDeliverClient(run.options);
    await withDeadline(idle.stop(), 20_000, "stop before start");
    idle.start();
    assert.deepEqual(await idle.ended, { kind: "stopped" });
    const pausing = new Deferred<void>();
    const unreachable = createDeliverClient({
      ...run.options,
      addresses: () => ["127.0.0.1:1"],
      sleep: (_, signal) => {
        pausing.resolve();
        return sleep(600_000, signal);
      },
    });
    unreachable.start();
    await withDeadline(pausing.promise, 20_000, "first pause");
    await withDeadline(unreachable.stop(), 20_000, "stop in a pause");
  });
});

Deno.test("it gives up when pauses in a row exceed the threshold, doubling them on the way", async () => {
  await withOrderers([], async (run) => {
    const pauses: number[] = [];
    const client = createDeliverClient({
      ...run.options,
      reconnect: { reconnectTotalTimeMs: 20_000, maxBackoffMs: 6_000 },
      sleep: (ms) => {
        pauses.push(ms);
        return Promise.resolve();
      },
    });
    client.start();
    const end = await client.ended;
    assert.equal(end.kind, "gave-up");
    assert.deepEqual(pauses, [1_000, 2_000, 4_000, 6_000, 6_000, 6_000]);
    assert.equal(run.warnings.length, 1);
    await client.stop();
  });
});

Deno.test("a block that cannot be committed ends the client with the cause", async () => {
  await withOrderers([honest, honest], async (run) => {
    const cause = new Error("disk full");
    const client = createDeliverClient({ ...run.options, onBlock: () => Promise.reject(cause) });
    client.start();
    assert.deepEqual(await client.ended, { kind: "commit-failed", error: cause });
    assert.equal(run.orderers[0].seeks.length + run.orderers[1].seeks.length, 1);
  });
});

Deno.test("an orderer that leaves the configuration is left", async () => {
  await withOrderers([honest, honest], async (run) => {
    const [first, second] = run.orderers.map(({ server }) => server.address);
    let addresses = [first];
    const client = createDeliverClient({
      ...run.options,
      addresses: () => addresses,
      onBlock: async (block) => {
        await run.options.onBlock(block);
        if (block.header?.number === 3n) addresses = [second];
      },
    });
    client.start();
    await run.height(blocks.length);
    await client.stop();
    assert.deepEqual(run.orderers.map(({ seeks }) => seeks.length), [1, 1]);
  });
});

Deno.test("the next block is verified and prepared while one commits, but not behind a configuration", async () => {
  await withOrderers([honest], async ({ channel, options, height }) => {
    const gate = new Deferred<void>();
    const held = new Deferred<void>();
    const told: string[] = [];
    const client = createDeliverClient({
      ...options,
      onAhead: (block) => {
        told.push(`ahead ${block.header?.number}`);
        channel.committer.prepare(block);
        if (block.header?.number === 5n) held.resolve();
      },
      onBlock: async (block) => {
        const number = block.header?.number;
        // 4 waits: 5 must be verified meanwhile, 6 must not be taken.
        if (number === 4n) await gate.promise;
        await channel.committer.commitBlock(block);
        told.push(`committed ${number}`);
      },
    });
    client.start();
    try {
      await withDeadline(held.promise, 10_000, "block 5 ahead of 4");
      assert.equal(channel.ledger.info().height, 4);
      gate.resolve();
      await height(blocks.length);
    } finally {
      await client.stop();
    }
    // 1 and 2 are configurations.
    assert.deepEqual(told.slice(0, 4), ["ahead 1", "committed 1", "ahead 2", "committed 2"]);
    const before = (first: string, second: string) => told.indexOf(first) < told.indexOf(second);
    assert.ok(before("ahead 5", "committed 4"));
    assert.ok(before("committed 4", "ahead 6") || before("ahead 6", "committed 5"));
    assert.deepEqual(
      told.filter((line) => line.startsWith("committed")),
      blocks.slice(1).map(({ header }) => `committed ${header?.number}`),
    );
  });
});

Deno.test("a bad block that comes while another commits costs neither it nor the next try", async () => {
  let asked = 0;
  const broken: Answer = async function* (from, signal) {
    asked++;
    for (const block of blocks.slice(from)) {
      const bad = asked === 1 && block.header?.number === 6n;
      yield blockResponse(bad ? blocks[5] : block);
    }
    await sleep(600_000, signal);
  };
  await withOrderers([broken], async ({ channel, options, warnings, height }) => {
    const client = createDeliverClient(options);
    client.start();
    try {
      await height(blocks.length);
    } finally {
      await client.stop();
    }
    assert.equal(asked, 2);
    assert.equal(channel.ledger.info().height, blocks.length);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /expected block \[6\], got \[5\]/);
  });
});

Deno.test("a commit that fails ends the client at once, not when the next block comes", async () => {
  const one: Answer = async function* (from, signal) {
    yield blockResponse(blocks[from]);
    await sleep(600_000, signal);
  };
  await withOrderers([one], async ({ options }) => {
    const cause = new Error("disk on fire");
    const client = createDeliverClient({ ...options, onBlock: () => Promise.reject(cause) });
    client.start();
    const end = await withDeadline(client.ended, 10_000, "the end");
    assert.deepEqual(end, { kind: "commit-failed", error: cause });
  });
});
