import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../../base/bytes.ts";
import { FrameSplitter } from "./frame-splitter.ts";
import { ErrorCode } from "./protocol.ts";
import { frame } from "./testing-raw-peer.ts";

const anyFrame = fc.tuple(
  fc.nat(20),
  fc.nat(255),
  fc.nat(2 ** 31 - 1),
  fc.uint8Array({ maxLength: 300 }),
);

Deno.test("frames are the same however their bytes arrive", () => {
  fc.assert(fc.property(
    fc.array(anyFrame, { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
    (frames, sizes) => {
      const bytes = concat(...frames.map((f) => frame(...f)));
      const seen: unknown[] = [];
      const splitter = new FrameSplitter(300, (...f) => seen.push(f));
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = at + sizes[i % sizes.length];
        splitter.push(bytes.subarray(at, end));
        at = end;
      }
      assert.deepEqual(seen, frames);
    },
  ));
});

Deno.test("a frame above the limit is refused as soon as its length is known", () => {
  const splitter = new FrameSplitter(300, () => assert.fail("no frame"));
  splitter.push(Uint8Array.of(0, 1));
  assert.throws(() => splitter.push(Uint8Array.of(45, 0, 0, 0, 0, 0, 1)), {
    code: ErrorCode.FRAME_SIZE_ERROR,
    message: "frame of 301 bytes, at most 300 are taken",
  });
});
