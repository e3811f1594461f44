import assert from "node:assert/strict";
import fc from "fast-check";
import { compare, hex, text, utf8 } from "../base/bytes.ts";
import { createCompositeKey, partialCompositeRange, splitCompositeKey } from "./composite-key.ts";
import { decodeMetadataEntries, encodeMetadataEntries, sortedEntries } from "./metadata/entries.ts";
import {
  hashBytes,
  hashedStateKey,
  hashText,
  splitStateKey,
  stateKey,
  stateRange,
} from "./state/state-key.ts";
import { orderPreservingNumber, sameVersion, versionBytes, versionText } from "./version.ts";

Deno.test("numbers are length and digits, so that bytes sort as numbers", () => {
  assert.equal(hex(orderPreservingNumber(0)), "00");
  assert.equal(hex(orderPreservingNumber(255)), "01ff");
  assert.equal(hex(orderPreservingNumber(256)), "020100");
  assert.equal(hex(orderPreservingNumber(2 ** 40)), "06010000000000");
  assert.equal(hex(versionBytes({ blockNumber: 5, txNumber: 0 })), "010500");
  const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  fc.assert(fc.property(number, number, (a, b) => {
    const order = compare(orderPreservingNumber(a), orderPreservingNumber(b));
    assert.equal(Math.sign(order), Math.sign(a - b));
  }));
});

Deno.test("versions are the same when both are absent or equal", () => {
  const version = { blockNumber: 1, txNumber: 2 };
  assert.ok(sameVersion(undefined, undefined));
  assert.ok(sameVersion(version, { ...version }));
  assert.ok(!sameVersion(version, undefined));
  assert.ok(!sameVersion(version, { ...version, txNumber: 3 }));
  assert.equal(versionText(version), "{BlockNum: 1, TxNum: 2}");
  assert.equal(versionText(undefined), "<nil>");
});

const wellFormed = fc.string({ unit: "binary" }).filter((s) => s.isWellFormed());

Deno.test("stored keys sort as their keys' bytes and come apart again", () => {
  fc.assert(fc.property(wellFormed, wellFormed, (a, b) => {
    const order = compare(stateKey("ns", a), stateKey("ns", b));
    assert.equal(Math.sign(order), Math.sign(compare(utf8(a), utf8(b))));
    const { namespace, key } = splitStateKey(stateKey("ns", a));
    assert.deepEqual([namespace, text(key)], ["ns", a]);
    const all = stateRange("ns", "", "");
    assert.ok(compare(all.from, stateKey("ns", a)) <= 0 && compare(stateKey("ns", a), all.to) < 0);
  }));
  const hash = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(hashBytes(hashText(hash)), hash);
  assert.deepEqual(splitStateKey(hashedStateKey("cc", "coll", hash)), {
    namespace: "cc$$hcoll",
    key: hash,
  });
});

Deno.test("composite keys come apart again and a partial key's range holds exactly its own", () => {
  const part = wellFormed.filter((s) => !s.includes("\0") && !s.includes("\u{10ffff}"));
  fc.assert(fc.property(part, fc.array(part, { maxLength: 3 }), part, (type, attributes, other) => {
    const key = createCompositeKey(type, attributes);
    assert.deepEqual(splitCompositeKey(key), { objectType: type, attributes });
    const { start, end } = partialCompositeRange(type, attributes);
    const inside = (candidate: string) =>
      compare(utf8(start), utf8(candidate)) <= 0 && compare(utf8(candidate), utf8(end)) < 0;
    assert.ok(inside(createCompositeKey(type, [...attributes, other])));
    assert.ok(!inside(createCompositeKey(`${type}x`, attributes)));
  }));
  for (const bad of ["a\0b", "\u{10ffff}", "\ud800"]) {
    assert.throws(() => createCompositeKey("type", [bad]), { code: "invalid-composite-key" });
  }
});

Deno.test("metadata entries come back, sorted by name where a simulation writes them", () => {
  const metadata = new Map([["b", utf8("2")], ["a", utf8("1")], ["\u{1f600}", utf8("3")]]);
  assert.deepEqual(sortedEntries(metadata).map(({ name }) => name), ["a", "b", "\u{1f600}"]);
  assert.deepEqual(decodeMetadataEntries(encodeMetadataEntries(sortedEntries(metadata))), metadata);
  assert.equal(decodeMetadataEntries(undefined), undefined);
  // As Fabric stores a cleared key-level policy: an entry with an empty value.
  const cleared = encodeMetadataEntries([{
    name: "VALIDATION_PARAMETER",
    value: new Uint8Array(),
  }]);
  assert.equal(decodeMetadataEntries(cleared)?.get("VALIDATION_PARAMETER")?.length, 0);
});
