import assert from "node:assert/strict";
import type { JsonValue } from "./json.ts";
import { matches } from "./match.ts";
import { normalize } from "./selector.ts";

function matching(selector: JsonValue, document: JsonValue): boolean {
  return matches(normalize(selector), document);
}

function check(cases: readonly [selector: JsonValue, document: JsonValue, expected: boolean][]) {
  for (const [selector, document, expected] of cases) {
    const facts = `${JSON.stringify(selector)} on ${JSON.stringify(document)}`;
    assert.equal(matching(selector, document), expected, facts);
  }
}

Deno.test("the empty selector matches all, a bare value means equality", () => {
  check([
    [{}, { a: 1 }, true],
    [{ a: 1 }, { a: 1 }, true],
    [{ a: {} }, { a: {} }, true],
    [{ a: {} }, { a: { b: 1 } }, false],
    [{ a: { b: 1 } }, { a: { b: 1, c: 2 } }, true],
    [{ a: { $eq: { b: 1 } } }, { a: { b: 1, c: 2 } }, false],
    [{ a: [1, 2] }, { a: [1, 2] }, true],
    [{ a: null }, { a: null }, true],
    [{ a: null }, {}, false],
  ]);
});

Deno.test("fields are found along dots, escaped dots and positions", () => {
  check([
    [{ "a.b": 1 }, { a: { b: 1 } }, true],
    [{ "a\\.b": 1 }, { "a.b": 1 }, true],
    [{ a: { "b.c": 1 } }, { a: { b: { c: 1 } } }, true],
    [{ "a.1": "y" }, { a: ["x", "y"] }, true],
    [{ "a.2": { $exists: false } }, { a: ["x", "y"] }, false],
    [{ "a.b": { $exists: false } }, { a: {} }, true],
    [{ "__proto__.toString": { $exists: true } }, {}, false],
    [{ toString: { $exists: false } }, {}, true],
  ]);
});

Deno.test("values compare across types in CouchDB's order", () => {
  const ascending: JsonValue[] = [null, false, true, -1, 2, "", "a", "A", "b", [], [1], {}, {
    a: 1,
  }];
  ascending.forEach((low, i) => {
    ascending.forEach((high, j) => {
      check([
        [{ v: { $lt: high } }, { v: low }, i < j],
        [{ v: { $gte: high } }, { v: low }, i >= j],
        [{ v: { $eq: high } }, { v: low }, i === j],
        [{ v: { $ne: high } }, { v: low }, i !== j],
      ]);
    });
  });
});

Deno.test("ids compare as bytes, other fields by ICU", () => {
  check([
    [{ _id: { $lt: "a" } }, { _id: "B" }, true],
    [{ id: { $lt: "a" } }, { id: "B" }, false],
    [{ _id: { $gt: null } }, { _id: "k" }, true],
    [{ _id: { $gt: [] } }, { _id: "k" }, true],
    [{ _id: { $lt: {} } }, { _id: "k" }, false],
  ]);
});

Deno.test("operators on arrays", () => {
  check([
    [{ a: { $in: [2, 3] } }, { a: [1, 2] }, true],
    [{ a: { $in: [[1, 2]] } }, { a: [1, 2] }, false],
    [{ a: { $nin: [2] } }, { a: [1, 2] }, false],
    [{ a: { $in: [] } }, { a: 1 }, false],
    [{ a: { $nin: [] } }, { a: 1 }, true],
    [{ a: { $all: [1, 2] } }, { a: [2, 1, 0] }, true],
    [{ a: { $all: [[1, 2]] } }, { a: [1, 2] }, true],
    [{ a: { $all: [1] } }, { a: 1 }, false],
    [{ a: { $size: 2 } }, { a: [1, 2] }, true],
    [{ a: { $size: 0 } }, { a: "" }, false],
    [{ a: { $elemMatch: { $gte: 80, $lt: 85 } } }, { a: [70, 83] }, true],
    [{ a: { $elemMatch: { x: 1, y: 2 } } }, { a: [{ x: 1 }, { x: 1, y: 2 }] }, true],
    [{ a: { $elemMatch: { $not: { $gt: 5 } } } }, { a: [6, 4] }, true],
    [{ a: { $elemMatch: { $nor: [{ $gt: 5 }] } } }, { a: [4] }, false],
    [{ a: { $allMatch: { $gt: 1 } } }, { a: [2, 3] }, true],
    [{ a: { $allMatch: { $gt: 1 } } }, { a: [] }, false],
    [{ a: { $keyMapMatch: { $eq: "k" } } }, { a: { k: 1 } }, true],
    [{ a: { $keyMapMatch: { $eq: "v" } } }, { a: { k: 1 } }, false],
  ]);
});

Deno.test("negations stand at the tests", () => {
  check([
    [{ $not: { a: { $gt: 1 } } }, { a: 1 }, true],
    [{ $not: { a: { $gt: 1 } } }, {}, false],
    [{ a: { $not: { $gt: 1, $lt: 5 } } }, { a: 7 }, true],
    [{ $nor: [{ a: 1 }, { b: 1 }] }, { a: 2, b: 2 }, true],
    [{ $nor: [{ a: 1 }, { b: 1 }] }, { a: 2, b: 1 }, false],
    [{ $not: { $not: { a: 1 } } }, { a: 1 }, true],
    [{ a: { $not: { $regex: "^x" } } }, { a: "y" }, true],
    [{ a: { $not: { $exists: true } } }, {}, true],
    [{ $and: [] }, {}, true],
    [{ $or: [] }, {}, false],
  ]);
});

Deno.test("types, remainders, beginnings and patterns", () => {
  check([
    [{ a: { $type: "null" } }, { a: null }, true],
    [{ a: { $type: "object" } }, { a: [] }, false],
    [{ a: { $type: "none" } }, { a: 1 }, false],
    [{ a: { $mod: [4, 3] } }, { a: 7 }, true],
    [{ a: { $mod: [4, -3] } }, { a: -7 }, true],
    [{ a: { $mod: [4, 0] } }, { a: "4" }, false],
    [{ a: { $beginsWith: "ab" } }, { a: "abc" }, true],
    [{ a: { $beginsWith: "ab" } }, { a: 1 }, false],
    [{ a: { $regex: "(?i)^AB" } }, { a: "abc" }, true],
    [{ a: { $regex: "" } }, { a: 1 }, false],
  ]);
});

Deno.test("what is no selector is refused with CouchDB's reason", () => {
  const prefix = "error handling CouchDB request. Error:";
  const refusals: [JsonValue, string][] = [
    [
      "x",
      "invalid_selector_json,  Status Code:400,  Reason:Selector must be a JSON object, not: <<120>>",
    ],
    [{ $and: 1 }, "bad_arg,  Status Code:400,  Reason:Bad argument for operator $and: 1"],
    [
      { a: { $in: { b: "x" } } },
      "bad_arg,  Status Code:400,  Reason:Bad argument for operator $in: {[{<<98>>,<<120>>}]}",
    ],
    [
      { a: { $mod: [1.5, 1] } },
      "bad_arg,  Status Code:400,  Reason:Bad argument for operator $mod: [1.5,1]",
    ],
    [
      { a: { $regex: "(" } },
      "bad_arg,  Status Code:400,  Reason:Bad argument for operator $regex: <<40>>",
    ],
    [
      { a: { $exists: 1 } },
      "bad_arg,  Status Code:400,  Reason:Bad argument for operator $exists: 1",
    ],
    [
      { a: { $where: "1" } },
      "not_supported,  Status Code:400,  Reason:Unsupported operator: $where",
    ],
    [{ a: { $foo: 1 } }, "invalid_operator,  Status Code:400,  Reason:Invalid operator: $foo"],
    [
      { $gt: 1 },
      "invalid_selector,  Status Code:400,  Reason:One or more conditions is missing a field name.",
    ],
    [{ "a..b": 1 }, "invalid_field_name,  Status Code:400,  Reason:Invalid field name: a..b"],
  ];
  for (const [selector, reason] of refusals) {
    assert.throws(() => normalize(selector), { code: "bad-rich-query", message: prefix + reason });
  }
  assert.throws(
    () => matching({ a: { $mod: [0, 1] } }, { a: 1 }),
    /Status Code:500,\s+Reason:badarith/,
  );
});

Deno.test("a selector may not be nested without end", () => {
  let selector: JsonValue = { a: 1 };
  for (let i = 0; i < 10_000; i++) selector = { $not: selector };
  assert.throws(() => normalize(selector), /nested deeper than 200/);
});
