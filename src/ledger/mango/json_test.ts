import assert from "node:assert/strict";
import { text, utf8 } from "../../base/bytes.ts";
import { canonicalDocument, maxNesting, parseDocument } from "./json.ts";
import { project } from "./projection.ts";

function canonical(json: string): string {
  return text(canonicalDocument(utf8(json)));
}

Deno.test("objects are written anew as Go does, other values stay as they are", () => {
  const cases: [string, string][] = [
    ['{ "b": 1, "a": [1.0, 2.50, -0, 1e2] }', '{"a":[1,2.5,0,100],"b":1}'],
    ['{"2":1,"10":2,"\\u00e9":3,"Z":4}', '{"10":2,"2":1,"Z":4,"é":3}'],
    [
      '{"a":"<&>\\u2028\\u007f\\u0001\\t\\/"}',
      '{"a":"\\u003c\\u0026\\u003e\\u2028\x7f\\u0001\\t/"}',
    ],
    ['{"a":12345678901234567890}', '{"a":12345678901234567000}'],
    ['{"a":1e21,"b":1e-7,"c":1e20}', '{"a":1e+21,"b":1e-7,"c":100000000000000000000}'],
    ['{"a":"\\ud800"}', '{"a":"\ufffd"}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'],
    ['{"a":1e999}', '{"a":1e999}'],
    ["[2, 1]", "[2, 1]"],
    ["null", "null"],
    ['{"a":1} x', '{"a":1} x'],
    ["", ""],
  ];
  for (const [written, read] of cases) assert.equal(canonical(written), read);
});

Deno.test("documents nested too deep count as binary", () => {
  const nested = (depth: number) => utf8(`{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  assert.ok(parseDocument(nested(maxNesting - 1)));
  assert.equal(parseDocument(nested(maxNesting)), undefined);
  assert.equal(parseDocument(nested(1_000_000)), undefined);
});

Deno.test("a projection keeps the fields' places and drops CouchDB's own", () => {
  const document = { _id: "k", a: { b: 1, c: 2 }, list: [{ x: 1 }, { x: 2 }], n: null };
  const projected = (...fields: string[][]) => text(project(document, fields));
  assert.equal(projected(["a", "b"]), '{"a":{"b":1}}');
  assert.equal(projected(["n"], ["none"], ["_id"]), '{"n":null}');
  assert.equal(projected(["list", "1", "x"]), '{"list":{"1":{"x":2}}}');
  assert.equal(projected(["a", "b", "c"]), "{}");
  assert.equal(projected(), "{}");
});
