import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { text, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { parseChaincodeInput, parseTransient } from "./chaincode-input.ts";

const args = (json: string) => parseChaincodeInput(json, false).map(text);

Deno.test("Args are the arguments; Function, where given, comes first", () => {
  assert.deepEqual(args('{"Args":["query","a"]}'), ["query", "a"]);
  assert.deepEqual(args('{"Function":"query","Args":["a"]}'), ["query", "a"]);
  assert.deepEqual(args('{"function":"query","args":["a"]}'), ["query", "a"]);
  assert.deepEqual(args('{"Function":"","Args":["a"]}'), ["a"]);
  assert.deepEqual(args('{"Args":[]}'), []);
  assert.deepEqual(args('{"Args":null}'), []);
});

Deno.test("an empty object is for install and package only", () => {
  assert.deepEqual(parseChaincodeInput("{}", true), []);
  assert.throws(() => parseChaincodeInput("{}", false), {
    code: "malformed-arguments",
    message: /^empty JSON chaincode parameters must contain the following keys/,
  });
});

Deno.test("other keys, other types and broken JSON are refused with an example", () => {
  const refused: [string, RegExp][] = [
    ['{"Function":"query"}', /^non-empty JSON chaincode parameters must contain/],
    ['{"Args":["a"],"Other":1}', /^non-empty JSON/],
    ['{"Args":["a"],"Function":"f","Other":1}', /^non-empty JSON/],
    ["{ }", /^non-empty JSON/],
    ['{"Args":"a"}', /'Args' must be a list of strings/],
    ['{"Args":[1]}', /'Args' must be a list of strings/],
    ['{"Args":["a"],"Function":1}', /'Function' must be a string/],
    ['{"Args":["a"', /^chaincode argument error: /],
    ["", /^chaincode argument error: /],
    ["[]", /expected a JSON object/],
    ["null", /expected a JSON object/],
    ['"Args"', /expected a JSON object/],
  ];
  for (const [json, message] of refused) {
    assert.throws(() => args(json), (error) => {
      assert.ok(error instanceof DenimError && error.code === "malformed-arguments", json);
      assert.match(error.message, message, json);
      assert.match(error.hint ?? "", /"Args"/);
      return true;
    });
  }
});

Deno.test("any arguments arrive as they were written", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "binary" })), (values) => {
    assert.deepEqual(
      parseChaincodeInput(JSON.stringify({ Args: values }), false),
      values.map(utf8),
    );
  }));
});

Deno.test("any text is read or refused as malformed", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (json) => {
    for (const parse of [args, parseTransient]) {
      try {
        parse(json);
      } catch (error) {
        assert.ok(error instanceof DenimError && error.code.startsWith("malformed-"));
      }
    }
  }));
});

Deno.test("transient values are base64 and come back as bytes", () => {
  assert.deepEqual(parseTransient(""), {});
  assert.deepEqual(parseTransient("{}"), {});
  const values = fc.dictionary(fc.string(), fc.uint8Array());
  fc.assert(fc.property(values, (map) => {
    const entries = Object.entries(map);
    const json = JSON.stringify(Object.fromEntries(
      entries.map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    ));
    assert.deepEqual(Object.entries(parseTransient(json)), Object.entries({ ...map }));
  }));
});

Deno.test("transient values that are not base64 are refused by name", () => {
  for (const value of ['"a"', '"YQ"', '"YQ=="x', '"Y!=="', '"===="', "1", "null", "[]"]) {
    assert.throws(() => parseTransient(`{"key":${value}}`), {
      code: "malformed-transient",
      message: /^error parsing transient string: /,
    });
  }
});
