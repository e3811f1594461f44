import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type Envelope, EnvelopeSchema } from "../gen/common/common_pb.ts";
import { type Batch, BlockCutter, messageBytes } from "./block-cutter.ts";

const ofBytes = (bytes: number): Envelope =>
  create(EnvelopeSchema, { payload: new Uint8Array(bytes) });

function cutter(maxMessageCount: number, preferredMaxBytes: number): BlockCutter {
  return new BlockCutter(() => ({ maxMessageCount, preferredMaxBytes }));
}

const sizes = (batches: Batch[]) => batches.map((batch) => batch.map(messageBytes));

Deno.test("a batch is cut when its count is reached", () => {
  const cut = cutter(2, 1000);
  assert.deepEqual(sizes(cut.ordered(ofBytes(1))), []);
  assert.deepEqual(sizes(cut.ordered(ofBytes(2))), [[1, 2]]);
  assert.equal(cut.pending, 0);
});

Deno.test("a message that would overflow the preferred bytes begins the next batch", () => {
  const cut = cutter(10, 100);
  cut.ordered(ofBytes(60));
  assert.deepEqual(sizes(cut.ordered(ofBytes(50))), [[60]]);
  assert.deepEqual(sizes([cut.cut()]), [[50]]);
});

Deno.test("a message larger than the preferred bytes goes alone, after what was pending", () => {
  const cut = cutter(10, 100);
  cut.ordered(ofBytes(10));
  assert.deepEqual(sizes(cut.ordered(ofBytes(101))), [[10], [101]]);
  assert.deepEqual(sizes(cut.ordered(ofBytes(101))), [[101]]);
});

Deno.test("with a count of one every message is a batch, after an overflow too", () => {
  const cut = cutter(1, 100);
  assert.deepEqual(sizes(cut.ordered(ofBytes(60))), [[60]]);
  assert.deepEqual(sizes(cut.ordered(ofBytes(60))), [[60]]);
});

Deno.test("all messages come out once, in order, within the limits", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(150), { maxLength: 60 }),
      fc.integer({ min: 1, max: 7 }),
      (lengths, maxMessageCount) => {
        const cut = cutter(maxMessageCount, 100);
        const messages = lengths.map(ofBytes);
        const batches: Batch[] = [];
        for (const message of messages) {
          const done = cut.ordered(message);
          assert.ok(done.length <= 2);
          batches.push(...done);
        }
        batches.push(cut.cut());
        assert.deepEqual(batches.flat(), messages);
        for (const batch of batches) {
          assert.ok(batch.length <= maxMessageCount);
          const bytes = batch.reduce((sum, message) => sum + messageBytes(message), 0);
          assert.ok(bytes <= 100 || batch.length === 1);
        }
      },
    ),
  );
});
