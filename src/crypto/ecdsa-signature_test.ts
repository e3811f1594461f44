import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../base/bytes.ts";
import { element, sequence, tag } from "./der.ts";
import {
  acceptableSignature,
  curves,
  decodeSignature,
  encodeSignature,
  isLowS,
  toLowS,
} from "./ecdsa-signature.ts";

const integer = (...content: number[]) => element(tag.integer, Uint8Array.from(content));

function magnitude(value: bigint): Uint8Array {
  const digits = value.toString(16);
  const even = digits.length % 2 ? "0" + digits : digits;
  return Uint8Array.from(even.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

Deno.test("S of half the order is low, one more is high", () => {
  for (const { name, order, halfOrder } of Object.values(curves)) {
    assert.ok(isLowS(magnitude(order >> 1n), halfOrder));
    assert.ok(!isLowS(magnitude((order >> 1n) + 1n), halfOrder));
    const r = magnitude(5n);
    assert.ok(acceptableSignature(encodeSignature(r, magnitude(order >> 1n)), name));
    const high = encodeSignature(r, magnitude((order >> 1n) + 1n));
    assert.equal(acceptableSignature(high, name), undefined);
  }
});

Deno.test("normalising gives S or order minus S, whichever is low", () => {
  for (const { name, order } of Object.values(curves)) {
    fc.assert(fc.property(fc.bigInt({ min: 1n, max: order - 1n }), (s) => {
      const low = toLowS(encodeSignature(magnitude(7n), magnitude(s)), name);
      const expected = s <= order >> 1n ? s : order - s;
      assert.deepEqual(decodeSignature(low).s, magnitude(expected));
      assert.deepEqual(toLowS(low, name), low);
    }));
  }
});

Deno.test("malformed signatures are refused", () => {
  const good = encodeSignature(magnitude(300n), magnitude(400n));
  const refused: [string, Uint8Array][] = [
    ["empty", new Uint8Array(0)],
    ["truncated", good.subarray(0, good.length - 1)],
    ["not a sequence", concat(Uint8Array.of(0x31), good.subarray(1))],
    ["R zero", sequence(integer(0), integer(1))],
    ["S zero", sequence(integer(1), integer(0))],
    ["R negative", sequence(integer(0x80), integer(1))],
    ["S negative", sequence(integer(1), integer(0xff))],
    ["R padded", sequence(integer(0, 1), integer(1))],
    ["S missing", sequence(integer(1))],
    ["S not an integer", sequence(integer(1), element(tag.octetString, Uint8Array.of(1)))],
    ["R longer than the curve", encodeSignature(magnitude(1n << 300n), magnitude(1n))],
    ["S longer than the curve", encodeSignature(magnitude(1n), magnitude(1n << 300n))],
  ];
  for (const [what, signature] of refused) {
    assert.equal(acceptableSignature(signature, "P-256"), undefined, what);
  }
  assert.equal(acceptableSignature(good, "P-256"), good);
});

Deno.test("bytes after the two integers are ignored, as Go peers do", () => {
  const [r, s] = [magnitude(300n), magnitude(400n)];
  const plain = encodeSignature(r, s);
  const trailing = concat(plain, Uint8Array.of(1, 2, 3));
  const inside = sequence(plain.subarray(2), integer(9));
  assert.deepEqual(acceptableSignature(trailing, "P-256"), plain);
  assert.deepEqual(acceptableSignature(inside, "P-256"), plain);
});
