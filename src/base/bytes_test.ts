import assert from "node:assert/strict";
import fc from "fast-check";
import {
  base64,
  compare,
  compareUtf8,
  concat,
  equal,
  fromBase64,
  fromHex,
  hex,
  latin1,
  strictText,
  text,
  utf8,
} from "./bytes.ts";

const wellFormed = fc.string({ unit: "binary" });
const bytes = fc.uint8Array({ maxLength: 40 });

Deno.test("strings order as their UTF-8 bytes do", () => {
  // One code point of each length in bytes, and the neighbours of the surrogates.
  const unit = fc.constantFrom("", "a", "\u00e9", "\ud7ff", "\ue000", "\ufffd", "\uffff", "😀");
  const near = fc.array(unit, { maxLength: 4 }).map((parts) => parts.join(""));
  fc.assert(fc.property(fc.oneof(near, wellFormed), fc.oneof(near, wellFormed), (a, b) => {
    assert.equal(Math.sign(compareUtf8(a, b)), Math.sign(compare(utf8(a), utf8(b))));
  }));
  assert.ok(compareUtf8("\uffff", "😀") < 0, "JavaScript's own order has it the other way");
});

Deno.test("bytes order as in Go: by byte, then by length", () => {
  const of = (...values: number[]) => new Uint8Array(values);
  assert.ok(compare(of(1, 255), of(2)) < 0);
  assert.ok(compare(of(1), of(1, 0)) < 0);
  assert.equal(compare(of(), of()), 0);
  assert.equal(equal(of(1, 2), of(1, 2)), true);
  assert.equal(equal(of(1, 2), of(1, 2, 0)), false);
});

Deno.test("texts and their UTF-8 bytes, ASCII or not, short or long", () => {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const texts = fc.oneof(
    wellFormed,
    fc.string({ maxLength: 200 }),
    fc.constantFrom("a".repeat(96), "a".repeat(97), "\ufeff", "a".repeat(95) + "ä", "\ud800"),
  );
  fc.assert(fc.property(texts, (written) => {
    assert.deepEqual(utf8(written), encoder.encode(written));
    assert.equal(text(utf8(written)), written.toWellFormed());
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const read = decoder.decode(bytes);
    assert.equal(text(bytes), read);
    const valid = equal(encoder.encode(read), bytes);
    assert.equal(strictText(bytes), valid ? read : undefined);
  }));
});

Deno.test("text, hexadecimal digits, base64 and latin1 read back the same", () => {
  fc.assert(fc.property(wellFormed, (value) => {
    assert.equal(text(utf8(value)), value);
    assert.equal(strictText(utf8(value)), value);
  }));
  fc.assert(fc.property(bytes, (value) => {
    assert.deepEqual(fromHex(hex(value)), value);
    assert.deepEqual(fromHex(hex(value).toUpperCase()), value);
    assert.deepEqual(fromBase64(base64(value)), value);
    assert.deepEqual(Uint8Array.from(latin1(value), (c) => c.charCodeAt(0)), value);
  }));
  assert.equal(text(utf8("\ufeffkey")), "\ufeffkey");
});

Deno.test("a view into a larger buffer is read where it begins", () => {
  const view = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
  assert.equal(hex(view), "0102");
  assert.equal(base64(view), "AQI=");
  assert.equal(latin1(view), "\x01\x02");
});

Deno.test("what is not hexadecimal or not UTF-8 is said so", () => {
  for (const digits of ["0", "0g", "0x01", " 01", "01 "]) assert.equal(fromHex(digits), undefined);
  assert.equal(strictText(new Uint8Array([0xc3, 0x28])), undefined);
  assert.equal(text(new Uint8Array([0x61, 0xff])), "a\ufffd");
});

Deno.test("parts join in order", () => {
  fc.assert(fc.property(fc.array(bytes), (parts) => {
    assert.deepEqual([...concat(...parts)], parts.flatMap((part) => [...part]));
  }));
});
