import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { BlockSchema, EnvelopeSchema, PayloadSchema } from "../gen/common/common_pb.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import { ChaincodeIDSchema } from "../gen/peer/chaincode_pb.ts";
import { DenimError } from "../base/errors.ts";
import { countBytesFields, decodeAsGo, hasBytesField, tryDecodeAsGo } from "./go-wire.ts";

const blocksUrl = new URL("../../tests/testdata/golden/blocks/", import.meta.url);

Deno.test("recorded blocks decode to what the library reads", () => {
  for (const name of readdirSync(blocksUrl)) {
    const bytes = new Uint8Array(readFileSync(new URL(name, blocksUrl)));
    assert.deepEqual(decodeAsGo(BlockSchema, bytes), fromBinary(BlockSchema, bytes));
  }
});

Deno.test("a field of the wrong wire type is ignored, as golang/protobuf does", () => {
  // Envelope.payload (1) as a varint, then Envelope.signature (2) as bytes.
  const bytes = new Uint8Array([0x08, 0x05, 0x12, 0x01, 0xaa]);
  const envelope = decodeAsGo(EnvelopeSchema, bytes);
  assert.equal(envelope.payload.length, 0);
  assert.deepEqual([...envelope.signature], [0xaa]);
});

Deno.test("a nested message may not run past its end", () => {
  // Payload.header (1) of length 2 whose channel_header claims 3 bytes; data (2) follows.
  const bytes = new Uint8Array([0x0a, 0x02, 0x0a, 0x03, 0x12, 0x01, 0x01]);
  assert.equal(tryDecodeAsGo(PayloadSchema, bytes), undefined);
});

Deno.test("a length of more than 32 bits is refused, not truncated", () => {
  const bytes = new Uint8Array([0x0a, 0x81, 0x80, 0x80, 0x80, 0x10, 0xaa]);
  assert.equal(tryDecodeAsGo(EnvelopeSchema, bytes), undefined);
});

Deno.test("invalid UTF-8 in a string is refused", () => {
  const bytes = new Uint8Array([0x0a, 0x01, 0xff]);
  assert.throws(
    () => decodeAsGo(ChaincodeIDSchema, bytes),
    (error) => error instanceof DenimError && error.code === "bad-protobuf",
  );
});

Deno.test("unknown groups are skipped and tag 0 is refused", () => {
  const group = new Uint8Array([0x53, 0x08, 0x01, 0x54, 0x12, 0x01, 0xaa]);
  assert.deepEqual([...decodeAsGo(EnvelopeSchema, group).signature], [0xaa]);
  assert.equal(tryDecodeAsGo(EnvelopeSchema, new Uint8Array([0x00, 0x00])), undefined);
});

Deno.test("very deep nesting is refused without exhausting the stack", () => {
  let rule = new Uint8Array(0);
  // SignaturePolicy.n_out_of (2) { rules (2) { ... } }, wrapped from the inside out.
  const wrap = (inner: Uint8Array) => {
    const length: number[] = [];
    let rest = inner.length;
    for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
    length.push(rest);
    return Uint8Array.from([0x12, ...length, ...inner]);
  };
  for (let i = 0; i < 3000; i++) rule = wrap(rule);
  assert.equal(tryDecodeAsGo(SignaturePolicyEnvelopeSchema, rule), undefined);
});

Deno.test("presence of an empty bytes field is seen", () => {
  assert.equal(hasBytesField(new Uint8Array([0x12, 0x00]), 2), true);
  assert.equal(hasBytesField(new Uint8Array([0x0a, 0x00]), 2), false);
  assert.equal(countBytesFields(new Uint8Array([0x12, 0x00, 0x0a, 0x00, 0x12, 0x00]), 2), 2);
  assert.equal(hasBytesField(new Uint8Array([0x0a, 0x05]), 2), false);
});

Deno.test("whatever was encoded is read back, and any bytes decode or are refused", () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (payload, signature) => {
    const envelope = create(EnvelopeSchema, { payload, signature });
    assert.deepEqual(decodeAsGo(EnvelopeSchema, toBinary(EnvelopeSchema, envelope)), envelope);
    const decoded = tryDecodeAsGo(PayloadSchema, payload);
    assert.ok(decoded === undefined || decoded.$typeName === "common.Payload");
  }));
});
