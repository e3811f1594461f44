import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { AsyncQueue } from "../base/async.ts";
import { utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import type { MetricsProvider } from "../base/metrics.ts";
import { RecordingMetrics } from "../base/metrics_testkit.ts";
import {
  type Block,
  type Envelope,
  EnvelopeSchema,
  PayloadSchema,
  Status,
} from "../gen/common/common_pb.ts";
import { SeekInfo_SeekErrorResponse } from "../gen/orderer/ab_pb.ts";
import type { SignedData } from "../policy/types.ts";
import { DeliverHandler } from "./handler.ts";
import { createDeliverMetrics } from "./metrics.ts";
import { MemoryChannel, seekEnvelope, type SeekOptions, testContext } from "./testing.ts";

const clock = { now: () => 1_700_000_000_000 };

interface Session {
  readonly channel: MemoryChannel;
  readonly requests: AsyncQueue<Envelope>;
  readonly answers: AsyncIterator<number | Status>;
  readonly cancel: AbortController;
}

interface SessionOptions {
  readonly blocks?: number;
  readonly mutualTls?: boolean;
  readonly certificate?: Uint8Array;
  readonly checkAccess?: (signed: SignedData, channelId: string) => void;
  readonly metrics?: MetricsProvider;
}

/** One stream; blocks come as their numbers, statuses as negative numbers. */
function open(options: SessionOptions = {}): Session {
  const channel = new MemoryChannel(options.blocks ?? 3);
  const handler = new DeliverHandler({
    channel: (id) => id === "mychannel" ? channel : undefined,
    mutualTls: options.mutualTls ?? false,
    metrics: options.metrics && createDeliverMetrics(options.metrics),
    clock,
    logger: silentLogger,
  });
  const requests = new AsyncQueue<Envelope>();
  const cancel = new AbortController();
  const answers = handler.handle(requests, testContext(cancel.signal, options.certificate), {
    checkAccess: options.checkAccess ?? (() => {}),
    status: (status) => -status,
    block: (block: Block) => Number(block.header?.number),
  });
  return { channel, requests, answers, cancel };
}

/** All answers to one request on a stream that the client then half-closes. */
async function ask(
  seek: Partial<SeekOptions> | Envelope,
  options: SessionOptions = {},
): Promise<number[]> {
  const session = open(options);
  session.requests.push("payload" in seek ? seek : seekEnvelope({ clock, ...seek }));
  session.requests.close();
  const answers: number[] = [];
  for (let next = await session.answers.next(); !next.done; next = await session.answers.next()) {
    answers.push(next.value);
  }
  return answers;
}

for (
  const [what, seek, expected] of [
    ["oldest to newest", { start: "oldest", stop: "newest" }, [0, 1, 2, -200]],
    ["newest to newest", { start: "newest", stop: "newest" }, [2, -200]],
    ["oldest to oldest", { start: "oldest", stop: "oldest" }, [0, -200]],
    ["newest to oldest is one block", { start: "newest", stop: "oldest" }, [2, -200]],
    ["by number", { start: 1, stop: 2 }, [1, 2, -200]],
    ["stop before start", { start: 2, stop: 1 }, [-400]],
    ["start beyond the next block", { start: 4, stop: 9 }, [-404]],
    ["start without a kind", { start: "unset", stop: "newest" }, [-404]],
    ["stop without a kind is block 0", { start: "oldest", stop: "unset" }, [0, -200]],
    ["no start", { stop: "newest" }, [-400]],
    ["no stop", { start: "newest" }, [-400]],
    ["fail if not ready, all there", { start: 0, stop: 2, failIfNotReady: true }, [0, 1, 2, -200]],
    ["fail if not ready, beyond", { start: 1, stop: 5, failIfNotReady: true }, [1, 2, -404]],
    ["the next block, fail if not ready", { start: 3, stop: 3, failIfNotReady: true }, [-404]],
    ["unknown channel", { start: 0, stop: 0, channelId: "other" }, [-404]],
  ] as [string, Partial<SeekOptions>, number[]][]
) {
  Deno.test(`seek: ${what}`, async () => {
    assert.deepEqual(await ask(seek), expected);
  });
}

Deno.test("blocks that come later are sent as they come", async () => {
  const { channel, requests, answers, cancel } = open({ blocks: 1 });
  requests.push(seekEnvelope({ clock, start: "newest", stop: 0xffff_ffff_ffff_ffffn }));
  assert.equal((await answers.next()).value, 0);
  for (const number of [1, 2]) {
    const next = answers.next();
    channel.add();
    assert.equal((await next).value, number);
  }
  const last = answers.next();
  cancel.abort();
  await assert.rejects(last, { message: /context finished before block retrieved/ });
});

Deno.test("several seek requests on one stream", async () => {
  const { requests, answers } = open();
  for (const at of [2, 0]) {
    requests.push(seekEnvelope({ clock, start: at, stop: at }));
    assert.equal((await answers.next()).value, at);
    assert.equal((await answers.next()).value, -Status.SUCCESS);
  }
  requests.close();
  assert.equal((await answers.next()).done, true);
});

Deno.test("a refused request ends the stream", async () => {
  const { requests, answers } = open();
  requests.push(seekEnvelope({ clock, start: 9, stop: 9 }));
  requests.push(seekEnvelope({ clock, start: 0, stop: 0 }));
  assert.equal((await answers.next()).value, -Status.NOT_FOUND);
  assert.equal((await answers.next()).done, true);
});

Deno.test("malformed envelopes are BAD_REQUEST", async () => {
  const garbage = Uint8Array.of(0xff, 0xff);
  const payloads = [
    new Uint8Array(0),
    garbage,
    toBinary(PayloadSchema, create(PayloadSchema, { data: garbage })),
    toBinary(PayloadSchema, create(PayloadSchema, { header: { channelHeader: garbage } })),
    toBinary(PayloadSchema, create(PayloadSchema, { header: {} })),
  ];
  for (const payload of payloads) {
    assert.deepEqual(await ask(create(EnvelopeSchema, { payload })), [-Status.BAD_REQUEST]);
  }
});

Deno.test("a request older or younger than the time window is BAD_REQUEST", async () => {
  for (const offset of [-901_000, 901_000]) {
    const shifted = { now: () => clock.now() + offset };
    const answers = await ask(seekEnvelope({ clock: shifted, start: 0, stop: 0 }));
    assert.deepEqual(answers, [-Status.BAD_REQUEST]);
  }
  const inside = { now: () => clock.now() - 899_000 };
  assert.deepEqual(await ask(seekEnvelope({ clock: inside, start: 0, stop: 0 })), [0, -200]);
});

Deno.test("with mutual TLS the request names the hash of the connection's certificate", async () => {
  const certificate = utf8("certificate");
  const tlsCertHash = new Uint8Array(createHash("sha256").update(certificate).digest());
  const seek = { start: 0, stop: 0 };
  const tls = { mutualTls: true, certificate };
  assert.deepEqual(await ask({ ...seek, tlsCertHash }, tls), [0, -200]);
  assert.deepEqual(await ask({ ...seek, tlsCertHash: utf8("another") }, tls), [-400]);
  assert.deepEqual(await ask(seek, tls), [-400]);
  assert.deepEqual(await ask({ ...seek, tlsCertHash }, { mutualTls: true }), [-400]);
});

Deno.test("a signer without access is FORBIDDEN", async () => {
  const seen: string[] = [];
  const checkAccess = (signed: SignedData, channelId: string) => {
    seen.push(`${new TextDecoder().decode(signed.identity)} on ${channelId}`);
    throw new DenimError("access-denied", "no");
  };
  assert.deepEqual(await ask({ start: 0, stop: 0 }, { checkAccess }), [-Status.FORBIDDEN]);
  assert.deepEqual(seen, ["someone on mychannel"]);
});

Deno.test("access is checked again when the configuration changes, and only then", async () => {
  let checks = 0;
  let allowed = true;
  const { channel, requests, answers } = open({
    blocks: 1,
    checkAccess: () => {
      checks++;
      if (!allowed) throw new DenimError("access-denied", "no");
    },
  });
  requests.push(seekEnvelope({ clock, start: "oldest", stop: 100 }));
  assert.equal((await answers.next()).value, 0);
  channel.add();
  assert.equal((await answers.next()).value, 1);
  assert.equal(checks, 1);
  allowed = false;
  channel.configSequence = 1n;
  channel.add();
  assert.equal((await answers.next()).value, -Status.FORBIDDEN);
  assert.equal(checks, 2);
});

Deno.test("an errored channel is SERVICE_UNAVAILABLE, before and while delivering", async () => {
  const { channel, requests, answers } = open({ blocks: 1 });
  requests.push(seekEnvelope({ clock, start: "oldest", stop: 100 }));
  assert.equal((await answers.next()).value, 0);
  const next = answers.next();
  channel.failure.abort();
  assert.equal((await next).value, -Status.SERVICE_UNAVAILABLE);

  const late = open();
  late.channel.failure.abort();
  late.requests.push(seekEnvelope({ clock, start: "oldest", stop: 1 }));
  assert.equal((await late.answers.next()).value, -Status.SERVICE_UNAVAILABLE);
});

Deno.test("best effort reads an errored channel", async () => {
  const { channel, requests, answers } = open();
  channel.failure.abort();
  const errorResponse = SeekInfo_SeekErrorResponse.BEST_EFFORT;
  requests.push(seekEnvelope({ clock, start: 0, stop: 0, errorResponse }));
  assert.equal((await answers.next()).value, 0);
});

Deno.test("a channel whose blocks cannot be read is SERVICE_UNAVAILABLE", async () => {
  const { channel, requests, answers } = open({ blocks: 1 });
  channel.blocksFrom = () => {
    throw new DenimError("ledger-closed", "the ledger is closed");
  };
  requests.push(seekEnvelope({ clock, start: 0, stop: 0 }));
  assert.equal((await answers.next()).value, -Status.SERVICE_UNAVAILABLE);

  const later = open({ blocks: 1 });
  later.channel.blocksFrom = async function* () {
    yield later.channel.blocks[0];
    await Promise.reject(new DenimError("ledger-closed", "the ledger is closed"));
  };
  later.requests.push(seekEnvelope({ clock, start: 0, stop: 9 }));
  assert.equal((await later.answers.next()).value, 0);
  assert.equal((await later.answers.next()).value, -Status.SERVICE_UNAVAILABLE);
});

Deno.test("streams, requests and blocks are counted by channel", async () => {
  const metrics = new RecordingMetrics();
  await ask({ start: "oldest", stop: "newest" }, { metrics });
  await ask({ start: 7, stop: 3 }, { metrics });
  await ask({ channelId: "elsewhere" }, { metrics });
  assert.deepEqual(metrics.lines(), [
    "deliver_blocks_sent{mychannel,false} 3",
    "deliver_requests_completed{mychannel,false,false} 1",
    "deliver_requests_completed{mychannel,false,true} 1",
    "deliver_requests_received{mychannel,false} 2",
    "deliver_streams_closed 3",
    "deliver_streams_opened 3",
  ]);
});

Deno.test("a stream that the client gives up is counted as closed and its request as failed", async () => {
  const metrics = new RecordingMetrics();
  const session = open({ metrics, blocks: 1 });
  session.requests.push(seekEnvelope({ clock, start: "newest", stop: 99 }));
  assert.equal((await session.answers.next()).value, 0);
  const next = session.answers.next();
  session.cancel.abort();
  await assert.rejects(next);
  assert(metrics.lines().includes("deliver_requests_completed{mychannel,false,false} 1"));
  assert(metrics.lines().includes("deliver_streams_closed 1"));
});
