import assert from "node:assert/strict";
import fc from "fast-check";
import { compare } from "../../base/bytes.ts";
import { compareJson } from "./collation.ts";
import type { JsonValue } from "./json.ts";
import { endOf, maxKeyBytes, type OrderKey, orderKey } from "./order-key.ts";

const awkward = [..."aAbBzZ_- 19é漢字龦ßя０\u0301\u0000\u200d"];
const string = fc.oneof(
  fc.string({ unit: "grapheme-ascii" }),
  fc.string({ unit: fc.constantFrom(...awkward) }),
  fc.string({ unit: "grapheme" }),
);
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -3, max: 3 }),
    string,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(string, tie("value"), { maxKeys: 2 }) as fc.Arbitrary<JsonValue>,
  ),
}));

/** Whether the other key may stand for the same value. */
function coversBeginning(key: OrderKey, other: OrderKey): boolean {
  return !key.exact && compare(other.bytes.subarray(0, key.bytes.length), key.bytes) === 0;
}

Deno.test("keys sort as values do, wherever they say enough", () => {
  const row = fc.integer({ min: 1, max: 2 }).chain((length) => {
    const values = fc.array(value, { minLength: length, maxLength: length });
    return fc.tuple(values, values);
  });
  fc.assert(
    fc.property(row, ([a, b]) => {
      const [keyA, keyB] = [orderKey(a), orderKey(b)];
      if (coversBeginning(keyA, keyB) || coversBeginning(keyB, keyA)) return;
      const expected = Math.sign(compareJson(a, b));
      assert.equal(Math.sign(compare(keyA.bytes, keyB.bytes)), expected);
    }),
    { numRuns: 10_000 },
  );
});

Deno.test("strings of ASCII and Han characters have exact keys", () => {
  const plain = fc.string({ unit: fc.constantFrom(...awkward.slice(0, 11), "漢", "字", "\t") });
  fc.assert(
    fc.property(plain, plain, (a, b) => {
      const [keyA, keyB] = [orderKey([a]), orderKey([b])];
      assert.ok(keyA.exact && keyB.exact);
      assert.equal(Math.sign(compare(keyA.bytes, keyB.bytes)), Math.sign(compareJson([a], [b])));
    }),
  );
});

Deno.test("ICU keeps what the keys rely on: Han in the order of codes, accents without weight", () => {
  const full = new Intl.Collator("en");
  for (let code = 0x4e00; code < 0x9fff; code++) {
    assert.ok(full.compare(String.fromCharCode(code), String.fromCharCode(code + 1)) < 0);
  }
  assert.ok(full.compare("z", "\u4e00") < 0);
  const base = new Intl.Collator("en", { sensitivity: "base" });
  for (let code = 32; code < 127; code++) {
    const plain = String.fromCharCode(code);
    for (let mark = 0x300; mark <= 0x362; mark++) {
      assert.equal(base.compare(plain + String.fromCharCode(mark), plain), 0);
    }
  }
});

Deno.test("long values are cut, and their key is a beginning", () => {
  const long = orderKey(["x".repeat(10_000)]);
  assert.equal(long.exact, false);
  assert.equal(long.bytes.length, maxKeyBytes);
  assert.ok(compare(orderKey(["x".repeat(10_001)]).bytes, endOf(long.bytes)) < 0);
  assert.ok(orderKey(["x".repeat(100), "y".repeat(100)]).exact);
});

Deno.test("equal numbers have equal keys", () => {
  assert.deepEqual(orderKey([0]), orderKey([-0]));
  assert.deepEqual(orderKey([2 ** 60]), orderKey([2n ** 60n]));
});
