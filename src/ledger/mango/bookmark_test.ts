import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { decodeBookmark, encodeBookmark } from "./bookmark.ts";
import { compareJson } from "./collation.ts";
import type { JsonValue } from "./json.ts";

Deno.test("bookmarks are CouchDB's, byte for byte", () => {
  // From Fabric's CouchDB tutorial: marbles of one owner by an index on docType and owner.
  const recorded = [
    [
      "marble3",
      "g1AAAABLeJzLYWBgYMpgSmHgKy5JLCrJTq2MT8lPzkzJBYqz5yYWJeWkGoOkOWDSOSANIFk2iCyIyVySn5uVBQAGEhRz",
    ],
    [
      "marble5",
      "g1AAAABLeJzLYWBgYMpgSmHgKy5JLCrJTq2MT8lPzkzJBYqz5yYWJeWkmoKkOWDSOSANIFk2iCyIyVySn5uVBQAGYhR1",
    ],
  ];
  for (const [id, bookmark] of recorded) {
    const position = decodeBookmark(bookmark);
    assert.equal(position.id, id);
    assert.equal(encodeBookmark(position), bookmark);
  }
});

Deno.test("every position comes back from its bookmark", () => {
  const key = fc.oneof(
    fc.jsonValue(),
    fc.array(fc.integer({ min: 0, max: 300 })),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  ) as fc.Arbitrary<JsonValue>;
  fc.assert(
    fc.property(fc.string(), key, (id, key) => {
      const { key: decoded, id: same } = decodeBookmark(encodeBookmark({ id, key }));
      assert.equal(same, id);
      assert.equal(compareJson(decoded, key), 0);
    }),
  );
});

Deno.test("big integers keep their digits", () => {
  const position = { id: "k", key: [2 ** 40, -5, -(2 ** 31) - 1] };
  const { key } = decodeBookmark(encodeBookmark(position));
  assert.deepEqual((key as JsonValue[]).map(Number), position.key);
});

Deno.test("what is no bookmark is refused with CouchDB's reason", () => {
  for (const bookmark of ["nil", "", "g1AAAA", "!", "x".repeat(1_000)]) {
    assert.throws(() => decodeBookmark(bookmark), {
      code: "bad-rich-query",
      message:
        `error handling CouchDB request. Error:invalid_bookmark,  Status Code:400,  Reason:Invalid bookmark value: "${bookmark}"`,
    });
  }
  const good = Buffer.from(encodeBookmark({ id: "key", key: ["a", 1, null] }), "base64url");
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat(20), (changes, cut) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      const bookmark = bytes.subarray(0, bytes.length - cut).toString("base64url");
      try {
        decodeBookmark(bookmark);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "bad-rich-query");
      }
    }),
    { numRuns: 2_000 },
  );
});
