/** Whatever a client sends: the stream ends with a status, and nothing is left behind. */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AsyncQueue } from "../base/async.ts";
import { utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import {
  type Block,
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  PayloadSchema,
  Status,
} from "../gen/common/common_pb.ts";
import {
  type SeekInfo,
  type SeekInfo_SeekBehavior,
  type SeekInfo_SeekErrorResponse,
  SeekInfoSchema,
} from "../gen/orderer/ab_pb.ts";
import { mutate, mutations } from "../../tests/support/mutations.ts";
import { DeliverHandler } from "./handler.ts";
import { MemoryChannel, seekEnvelope, testContext } from "./testing.ts";

const clock = { now: () => 1_700_000_000_000 };
const numberOf = (block: Block) => Number(block.header?.number);

/** All answers; the client half-closes, and cancels when the stream waits for more blocks. */
async function answersTo(envelope: Envelope): Promise<number[]> {
  const channel = new MemoryChannel(3);
  const handler = new DeliverHandler({
    channel: (id) => id === "mychannel" ? channel : undefined,
    mutualTls: false,
    clock,
    logger: silentLogger,
  });
  const requests = new AsyncQueue<Envelope>();
  requests.push(envelope);
  requests.close();
  const cancel = new AbortController();
  const answers: number[] = [];
  let idle = setTimeout(() => cancel.abort(), 20);
  try {
    const all = handler.handle(requests, testContext(cancel.signal), {
      checkAccess: () => {},
      status: (status) => -status,
      block: numberOf,
    });
    for await (const answer of all) {
      answers.push(answer);
      clearTimeout(idle);
      idle = setTimeout(() => cancel.abort(), 20);
    }
  } catch (error) {
    assert.match(String(error), /context finished before block retrieved/);
  } finally {
    clearTimeout(idle);
  }
  assert.equal(channel.readers, 0);
  return answers;
}

const good = seekEnvelope({ clock, start: "oldest", stop: 2 });

Deno.test("a request changed in any way gets blocks or a status", async () => {
  const bytes = toBinary(EnvelopeSchema, good);
  await fc.assert(
    fc.asyncProperty(mutations, async (changes) => {
      let envelope: Envelope;
      try {
        envelope = fromBinary(EnvelopeSchema, mutate(bytes, changes));
      } catch {
        return; // the transport refuses it
      }
      for (const answer of await answersTo(envelope)) {
        assert.ok(answer < 0 ? Status[-answer] !== undefined : answer < 3, String(answer));
      }
    }),
    { numRuns: 300 },
  );
});

/** The good request with a part of it replaced. */
function altered(change: {
  seek?: (seek: SeekInfo) => void;
  header?: (header: ReturnType<typeof headerOf>) => void;
}): Envelope {
  const payload = fromBinary(PayloadSchema, good.payload);
  if (change.seek) {
    const seek = fromBinary(SeekInfoSchema, payload.data);
    change.seek(seek);
    payload.data = toBinary(SeekInfoSchema, seek);
  }
  if (change.header && payload.header) {
    const header = headerOf(good);
    change.header(header);
    payload.header.channelHeader = toBinary(ChannelHeaderSchema, header);
  }
  return create(EnvelopeSchema, {
    payload: toBinary(PayloadSchema, payload),
    signature: good.signature,
  });
}

function headerOf(envelope: Envelope) {
  const payload = fromBinary(PayloadSchema, envelope.payload);
  return fromBinary(ChannelHeaderSchema, payload.header?.channelHeader ?? assert.fail());
}

const specified = (number: bigint) => ({
  $typeName: "orderer.SeekPosition" as const,
  Type: {
    case: "specified" as const,
    value: { $typeName: "orderer.SeekSpecified" as const, number },
  },
});
const largest = 2n ** 64n - 1n;
const blocks = [0, 1, 2, -Status.SUCCESS];

for (
  const [what, envelope, expected] of [
    ["unchanged", good, blocks],
    ["start of 2^64-1", altered({ seek: (seek) => seek.start = specified(largest) }), [-404]],
    [
      "start and stop of 2^64-1",
      altered({ seek: (seek) => seek.start = seek.stop = specified(largest) }),
      [-404],
    ],
    ["stop of 2^64-1", altered({ seek: (seek) => seek.stop = specified(largest) }), [0, 1, 2]],
    [
      "an unknown behavior",
      altered({ seek: (seek) => seek.behavior = 99 as SeekInfo_SeekBehavior }),
      blocks,
    ],
    [
      "an unknown error response",
      altered({ seek: (seek) => seek.errorResponse = 99 as SeekInfo_SeekErrorResponse }),
      blocks,
    ],
    [
      "no start, no stop",
      altered({
        seek: (seek) => seek.start = seek.stop = undefined,
      }),
      [-400],
    ],
    ["no timestamp", altered({ header: (header) => header.timestamp = undefined }), [-400]],
    [
      "a time that no calendar has",
      altered({
        header: (header) => {
          if (header.timestamp) header.timestamp.seconds = 2n ** 63n - 1n;
        },
      }),
      [-400],
    ],
    [
      "a time before all others",
      altered({
        header: (header) => {
          if (header.timestamp) header.timestamp.seconds = -(2n ** 63n);
        },
      }),
      [-400],
    ],
    ["no channel", altered({ header: (header) => header.channelId = "" }), [-404]],
    [
      "a channel's name of a megabyte",
      altered({
        header: (header) => header.channelId = "x".repeat(1 << 20),
      }),
      [-404],
    ],
    [
      "the name of an object's own property",
      altered({
        header: (header) => header.channelId = "__proto__",
      }),
      [-404],
    ],
    ["another type", altered({ header: (header) => header.type = -1 }), blocks],
    [
      "a hash of a certificate without mutual TLS",
      altered({
        header: (header) => header.tlsCertHash = new Uint8Array(1 << 20),
      }),
      blocks,
    ],
    ["no signature", create(EnvelopeSchema, { payload: good.payload }), blocks],
    ["no signature header", withSignatureHeader(new Uint8Array()), blocks],
    ["garbage for a signature header", withSignatureHeader(Uint8Array.of(0xff)), [-400]],
    ["nothing", create(EnvelopeSchema), [-400]],
    ["zeros", create(EnvelopeSchema, { payload: new Uint8Array(1 << 20) }), [-400]],
    ["text", create(EnvelopeSchema, { payload: utf8("GET / HTTP/1.1\r\n\r\n") }), [-400]],
  ] as [string, Envelope, number[]][]
) {
  Deno.test(`a request with ${what} is answered`, async () => {
    assert.deepEqual(await answersTo(envelope), expected);
  });
}

function withSignatureHeader(signatureHeader: Uint8Array): Envelope {
  const payload = fromBinary(PayloadSchema, good.payload);
  if (payload.header) payload.header.signatureHeader = signatureHeader;
  return create(EnvelopeSchema, { ...good, payload: toBinary(PayloadSchema, payload) });
}
