/**
 * PouchDB has CouchDB's query language in JavaScript: an oracle, where the two agree. Where they do
 * not, CouchDB is right; the second test lists what is kept out of the first.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { matchesSelector } from "pouchdb-selector-core";
import { canonicalJson, type JsonObject, type JsonValue } from "./json.ts";
import { matches } from "./match.ts";
import { normalize } from "./selector.ts";

const letters = fc.string({ unit: fc.constantFrom("a", "b", "z", "0"), maxLength: 2 });
const scalar = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0.5, 2.5),
  fc.boolean(),
  letters,
);
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 3, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
);
const objects = fc.array(fc.record({ x: scalar, y: scalar }), { maxLength: 3 });
const document = fc.record(
  {
    a: value,
    b: value,
    list: fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 4 }),
    objects,
    nested: fc.record({ a: value, deep: fc.record({ b: value }) }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;

const comparison = fc.tuple(fc.constantFrom("$lt", "$lte", "$eq", "$gt", "$gte"), value);
const test = fc.oneof(
  { weight: 6, arbitrary: comparison },
  fc.tuple(
    fc.constantFrom("$in", "$nin", "$all"),
    fc.array(scalar, { minLength: 1, maxLength: 3 }),
  ),
  fc.tuple(fc.constant("$exists"), fc.boolean()),
  fc.tuple(fc.constant("$size"), fc.integer({ min: 0, max: 3 })),
  fc.tuple(
    fc.constant("$type"),
    fc.constantFrom("boolean", "number", "string", "array", "object"),
  ),
  fc.tuple(
    fc.constant("$mod"),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 })),
  ),
  fc.tuple(
    fc.constant("$regex"),
    fc.constantFrom("^a", "b$", "z", "[0-9]", "a.?b", "(a|z)+", "^[^a]*$"),
  ),
).map(([operator, argument]) => ({ [operator]: argument }) as JsonObject);

const small = fc.integer({ min: -3, max: 3 });
const elementOperator = fc.constantFrom("$elemMatch", "$allMatch");
const elements = fc.tuple(elementOperator, fc.constantFrom("$lt", "$gte", "$eq"), small)
  .map(([operator, compare, than]) => ({ [operator]: { [compare]: than } }) as JsonObject);
const objectElements = fc.tuple(elementOperator, fc.constantFrom("x", "y"), comparison)
  .map(([operator, field, [compare, than]]) => ({
    [operator]: { [field]: { [compare]: than } },
  } as JsonObject));

const onA = fc.record({ a: test, "nested.a": test, list: elements }, { requiredKeys: [] });
const onB = fc.record(
  { b: test, "nested.deep.b": test, objects: objectElements },
  { requiredKeys: [] },
);
const some = (record: typeof onA | typeof onB) =>
  (record as fc.Arbitrary<JsonObject>).filter((fields) => Object.keys(fields).length > 0);
const fields = fc.tuple(some(onA), some(onB)).map(([a, b]) => ({ ...a, ...b }) as JsonObject);
const selector = fc.oneof(
  fields,
  fc.tuple(some(onA), some(onB)).map(([a, b]) => ({ $and: [a, b] }) as JsonObject),
  fc.array(fields, { minLength: 1, maxLength: 3 }).map(($or) => ({ $or }) as JsonObject),
  fc.tuple(some(onA), fc.array(fields, { minLength: 1, maxLength: 2 }))
    .map(([a, $or]) => ({ ...a, $or }) as JsonObject),
);

const pouch = (doc: JsonObject, query: JsonObject): boolean =>
  matchesSelector(structuredClone({ _id: "id", ...doc }), structuredClone(query));
const ours = (doc: JsonObject, query: JsonObject): boolean => matches(normalize(query), doc);

Deno.test("selectors match what PouchDB's selectors match", () => {
  fc.assert(
    fc.property(document, selector, (doc, query) => {
      const [actual, expected] = [ours(doc, query), pouch(doc, query)];
      assert.equal(actual, expected, `${canonicalJson(query)} on ${canonicalJson(doc)}`);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("where PouchDB differs, CouchDB is followed", () => {
  const differences: [why: string, doc: JsonObject, query: JsonObject, couch: boolean][] = [
    ["a field that is not there is not different from anything", {}, { a: { $ne: 1 } }, false],
    ["$not is pushed to the test, which needs the field", {}, { $not: { a: { $gt: 1 } } }, false],
    ["$nor is too", {}, { $nor: [{ a: { $gt: 1 } }] }, false],
    ["no path leads through a number", { a: 5 }, { "a.b": { $exists: false } }, false],
    ["null is a value", { a: null }, { a: { $in: [null] } }, true],
    ["letters sort by ICU, small ones first", { a: "b" }, { a: { $lt: "B" } }, true],
    ["accents come second", { a: "é" }, { a: { $lt: "z" } }, true],
  ];
  for (const [why, doc, query, couch] of differences) {
    assert.equal(ours(doc, query), couch, why);
    assert.equal(pouch(doc, query), !couch, `PouchDB agrees now: ${why}`);
  }
});
