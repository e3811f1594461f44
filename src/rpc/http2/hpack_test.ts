import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex as optionalHex } from "../../base/bytes.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { encodeHeaders } from "./hpack-encoder.ts";
import { decodeHuffman } from "./huffman.ts";
import { ConnectionError, ErrorCode } from "./protocol.ts";

const noLimit = 1_000_000;

function fromHex(digits: string): Uint8Array {
  return optionalHex(digits) ?? assert.fail(`${digits} is not hex`);
}

function lines(decoder: HpackDecoder, block: string): string[] {
  const bytes = fromHex(block.replaceAll(" ", ""));
  return decoder.decode(bytes, noLimit).fields.map(({ name, value }) => `${name}: ${value}`);
}

const first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const third = [
  ":method: GET",
  ":scheme: https",
  ":path: /index.html",
  ":authority: www.example.com",
  "custom-key: custom-value",
];

Deno.test("the requests of RFC 7541, appendix C.3: one table for three blocks", () => {
  const decoder = new HpackDecoder();
  assert.deepEqual(lines(decoder, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"), first);
  assert.deepEqual(lines(decoder, "8286 84be 5808 6e6f 2d63 6163 6865"), [
    ...first,
    "cache-control: no-cache",
  ]);
  assert.deepEqual(
    lines(decoder, "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"),
    third,
  );
});

Deno.test("the requests of RFC 7541, appendix C.4: the same in Huffman's code", () => {
  const decoder = new HpackDecoder();
  assert.deepEqual(lines(decoder, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"), first);
  assert.deepEqual(lines(decoder, "8286 84be 5886 a8eb 1064 9cbf"), [
    ...first,
    "cache-control: no-cache",
  ]);
  assert.deepEqual(
    lines(decoder, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"),
    third,
  );
});

Deno.test("a table that is made smaller forgets its oldest entries", () => {
  const decoder = new HpackDecoder();
  lines(decoder, "4001 6101 31 4001 6201 32");
  assert.deepEqual(lines(decoder, "be bf"), ["b: 2", "a: 1"]);
  // Room for one entry of 34 bytes.
  assert.deepEqual(lines(decoder, "3f 09 be"), ["b: 2"]);
  assert.throws(() => lines(decoder, "bf"), { code: ErrorCode.COMPRESSION_ERROR });
});

Deno.test("a list above the limit is said to be, and still fills the table", () => {
  const decoder = new HpackDecoder();
  const block = fromHex("4001610131" + "4001620132");
  assert.deepEqual(decoder.decode(block, 40), {
    fields: [{ name: "a", value: "1" }],
    tooLarge: true,
  });
  assert.deepEqual(lines(decoder, "be bf"), ["b: 2", "a: 1"]);
});

for (
  const [what, block] of [
    ["an entry that is not there", "ff 80 01"],
    ["entry 0", "80"],
    ["a block that ends within a field", "40 01"],
    ["a string beyond the block", "40 05 61"],
    ["an integer without end", "ff ff ff ff ff ff ff ff ff ff"],
    ["an integer of endless zeros", `ff ${"80".repeat(40)}`],
    ["a table larger than we allow", "3f e2 1f"],
    ["a table size after a field", "82 20"],
    ["Huffman padding with a zero", "40 01 61 81 00"],
    ["Huffman padding of a whole byte", "40 01 61 82 1f ff"],
    ["end of string in a string", "40 01 61 84 ff ff ff ff"],
  ]
) {
  Deno.test(`header block refused: ${what}`, () => {
    assert.throws(() => lines(new HpackDecoder(), block), (error) => {
      assert(error instanceof ConnectionError);
      return error.code === ErrorCode.COMPRESSION_ERROR;
    });
  });
}

Deno.test("any bytes are a list or a compression error", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      new HpackDecoder().decode(bytes, noLimit);
    } catch (error) {
      assert(error instanceof ConnectionError, String(error));
      assert.equal(error.code, ErrorCode.COMPRESSION_ERROR);
    }
  }));
});

Deno.test("what we encode is decoded to the same list", () => {
  const name = fc.stringMatching(/^[a-z-]{1,40}$/);
  const value = fc.stringMatching(/^[\x20-\x7e]{0,300}$/);
  fc.assert(fc.property(fc.array(fc.tuple(name, value)), (fields) => {
    const { fields: decoded } = new HpackDecoder().decode(encodeHeaders(fields), noLimit);
    assert.deepEqual(decoded, fields.map(([name, value]) => ({ name, value })));
  }));
  assert.deepEqual(encodeHeaders([[":status", "200"]]), Uint8Array.of(0x88));
});

Deno.test("Huffman: the examples of RFC 7541 in one string", () => {
  // "302" and "private", appendix C.6.1.
  const [a, b] = [fromHex("6402"), fromHex("aec3771a4b")];
  assert.equal(decodeHuffman(concat(a, b), 0, 2), "302");
  assert.equal(decodeHuffman(concat(a, b), 2, 7), "private");
});
