import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, equal } from "../base/bytes.ts";
import { encodeFrame, FrameReader } from "./framing.ts";

Deno.test("frames cut anywhere come back as the messages that went in", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }),
      fc.array(fc.nat(60), { maxLength: 30 }),
      (messages, cuts) => {
        const wire = concat(...messages.map(encodeFrame));
        const reader = new FrameReader(1000);
        const read: Uint8Array[] = [];
        let offset = 0;
        for (const cut of [...cuts, wire.length]) {
          reader.push(wire.slice(offset, offset + cut));
          offset = Math.min(wire.length, offset + cut);
          for (let next = reader.next(); next; next = reader.next()) read.push(next);
        }
        assert.equal(read.length, messages.length);
        assert.ok(read.every((message, i) => equal(message, messages[i])));
        assert.equal(reader.partial, false);
      },
    ),
  );
});

Deno.test("a frame begun and not ended is partial", () => {
  const reader = new FrameReader(1000);
  reader.push(encodeFrame(new Uint8Array(10)).subarray(0, 7));
  assert.equal(reader.next(), undefined);
  assert.equal(reader.partial, true);
});

Deno.test("a length above the limit is refused before its bytes arrive", () => {
  const reader = new FrameReader(1000);
  reader.push(Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff));
  assert.throws(() => reader.next(), {
    code: "rpc-resource-exhausted",
    message: "grpc: received message larger than max (4294967295 vs. 1000)",
  });
});

Deno.test("a compressed message is refused as unimplemented", () => {
  const reader = new FrameReader(1000);
  reader.push(Uint8Array.of(1, 0, 0, 0, 0));
  assert.throws(() => reader.next(), { code: "rpc-unimplemented" });
});
