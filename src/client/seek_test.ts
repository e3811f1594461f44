import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { BlockSchema, HeaderType, Status } from "../gen/common/common_pb.ts";
import {
  type DeliverResponse,
  DeliverResponseSchema,
  SeekInfo_SeekBehavior,
  SeekInfo_SeekErrorResponse,
  SeekInfoSchema,
} from "../gen/orderer/ab_pb.ts";
import { openEnvelope } from "../protocol/envelope.ts";
import { clock, ordererServer, signer } from "./client_testkit.ts";
import { readBlock, seekEnvelope, type SeekRequest } from "./seek.ts";

const request: SeekRequest = { channelId: "c", signer, clock, start: 0n, stop: 0n };

function seekOf(change: Partial<SeekRequest>) {
  const { channelHeader, payload } = openEnvelope(seekEnvelope({ ...request, ...change }));
  return { channelHeader, info: fromBinary(SeekInfoSchema, payload.data) };
}

Deno.test("a request names both ends, waits for blocks, and is bound to the TLS certificate", () => {
  const tlsCertHash = new Uint8Array([1, 2, 3]);
  const { channelHeader, info } = seekOf({ start: "oldest", stop: 7n, tlsCertHash });
  assert.equal(channelHeader.type, HeaderType.DELIVER_SEEK_INFO);
  assert.equal(channelHeader.channelId, "c");
  assert.deepEqual(channelHeader.tlsCertHash, tlsCertHash);
  assert.equal(channelHeader.timestamp?.seconds, 1_561_000_000n);
  assert.equal(info.start?.Type.case, "oldest");
  assert.ok(info.stop?.Type.case === "specified" && info.stop.Type.value.number === 7n);
  assert.equal(info.behavior, SeekInfo_SeekBehavior.BLOCK_UNTIL_READY);
  assert.equal(info.errorResponse, SeekInfo_SeekErrorResponse.STRICT);
  const newest = seekOf({ start: "newest", stop: "newest", bestEffort: true }).info;
  assert.equal(newest.start?.Type.case, "newest");
  assert.equal(newest.errorResponse, SeekInfo_SeekErrorResponse.BEST_EFFORT);
});

Deno.test("two requests are never the same", () => {
  const nonce = () => openEnvelope(seekEnvelope(request)).signatureHeader.nonce;
  assert.notDeepEqual(nonce(), nonce());
});

const answer = (Type: DeliverResponse["Type"]) => create(DeliverResponseSchema, { Type });

async function read(...answers: DeliverResponse[]) {
  await using orderer = await ordererServer({
    async *deliver(requests) {
      for await (const _ of requests) {
        yield* answers;
        return;
      }
    },
  });
  return await readBlock(orderer.connection.deliver(), seekEnvelope(request));
}

Deno.test("the first block that comes is the one", async () => {
  const block = create(BlockSchema, { header: { number: 5n } });
  const got = await read(
    answer({ case: "block", value: block }),
    answer({ case: "status", value: Status.SUCCESS }),
  );
  assert.equal(got.header?.number, 5n);
});

Deno.test("a refusal, an empty answer and an early end are told apart", async () => {
  const refused: [DeliverResponse[], string][] = [
    [[answer({ case: "status", value: Status.FORBIDDEN })], "can't read the block: &{FORBIDDEN}"],
    [[answer({ case: "status", value: 418 as Status })], "can't read the block: &{418}"],
    [[create(DeliverResponseSchema)], "response error: unknown type undefined"],
    [[], "error receiving: the stream ended without a block"],
  ];
  for (const [answers, message] of refused) {
    await assert.rejects(read(...answers), { code: "block-refused", message });
  }
});

Deno.test("a wait for a block that never comes ends when its signal says so", async () => {
  await using orderer = await ordererServer({
    // deno-lint-ignore require-yield
    async *deliver(_, { signal }) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  });
  const deliver = orderer.connection.deliver(AbortSignal.timeout(20));
  await assert.rejects(readBlock(deliver, seekEnvelope(request)), { name: "RpcError" });
});
