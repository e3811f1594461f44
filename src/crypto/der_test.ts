import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DerReader,
  element,
  integerContent,
  oid,
  oidText,
  sequence,
  smallInteger,
  tag,
  time,
  unsignedInteger,
} from "./der.ts";
import { timeValue } from "./certificate.ts";

const bytes = (...list: number[]) => Uint8Array.from(list);

Deno.test("elements of every length are read back as written", () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 100_000]) {
    const content = new Uint8Array(length).fill(7);
    const written = element(tag.octetString, content);
    const read = new DerReader(written).next(tag.octetString);
    assert.deepEqual(read.content, content);
    assert.equal(read.raw.length, written.length);
  }
});

Deno.test("unsigned integers keep their value and stay minimal and positive", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 1n << 256n }), (value) => {
    let digits = value.toString(16);
    if (digits.length % 2) digits = "0" + digits;
    const magnitude = Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    const content = integerContent(new DerReader(unsignedInteger(magnitude)).next(tag.integer));
    assert.ok(content[0] < 0x80);
    assert.equal(content.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n), value);
  }));
});

Deno.test("object identifiers are read back as written", () => {
  for (const dotted of ["1.2.840.10045.4.3.2", "2.5.29.14", "2.16.840.1.113730.4.1", "0.9.1"]) {
    assert.equal(oidText(new DerReader(oid(dotted)).next(tag.oid).content), dotted);
  }
});

Deno.test("times are read back to the second, before and after 2050", () => {
  for (const text of ["1999-12-31T23:59:59Z", "2026-11-22T12:31:00Z", "2061-02-03T04:05:06Z"]) {
    const milliseconds = Date.parse(text);
    assert.equal(timeValue(new DerReader(time(milliseconds)).next()), milliseconds);
  }
});

Deno.test("what Go's asn1 refuses is refused", () => {
  const refused: [string, Uint8Array][] = [
    ["truncated content", bytes(0x04, 0x05, 1, 2)],
    ["missing length", bytes(0x04)],
    ["indefinite length", bytes(0x30, 0x80, 0, 0)],
    ["long form for a short length", bytes(0x04, 0x81, 0x01, 0xff)],
    ["leading zero in the length", bytes(0x04, 0x82, 0x00, 0x80, ...new Array(128).fill(1))],
    ["multi-byte tag", bytes(0x1f, 0x81, 0x01, 0x00)],
  ];
  for (const [what, der] of refused) {
    assert.throws(() => new DerReader(der).next(), { code: "bad-der" }, what);
  }
  const integers: [string, Uint8Array][] = [
    ["empty", bytes()],
    ["padded positive", bytes(0x00, 0x7f)],
    ["padded negative", bytes(0xff, 0x80)],
  ];
  for (const [what, content] of integers) {
    const read = new DerReader(element(tag.integer, content)).next(tag.integer);
    assert.throws(() => integerContent(read), { code: "bad-der" }, what);
  }
});

Deno.test("a wrong tag is refused and names what was expected", () => {
  const reader = new DerReader(sequence(element(tag.integer, bytes(5))));
  assert.throws(() => new DerReader(sequence()).next(tag.set, "names"), {
    message: "malformed DER: names: expected tag 0x31, got 0x30",
  });
  assert.equal(smallInteger(reader.enter(tag.sequence).next(tag.integer)), 5);
});

Deno.test("random bytes never do more than throw bad-der", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
    const reader = new DerReader(random);
    try {
      while (!reader.done) {
        const { raw, content } = reader.next();
        assert.ok(raw.length > content.length);
      }
    } catch (thrown) {
      assert.equal((thrown as { code?: string }).code, "bad-der");
    }
  }));
});
