/** Queries by index against a plain filter and sort of all documents. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { compareUtf8, utf8 } from "../../base/bytes.ts";
import { commitOne } from "../../../tests/support/test-ledger.ts";
import {
  instantiate,
  keysOf,
  page,
  richQueryLedger,
} from "../../../tests/support/rich-query-ledger.ts";
import { compareJson } from "./collation.ts";
import { type IndexDefinition, indexValues, parseIndexDefinition } from "./index-definition.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { matches } from "./match.ts";
import { plan } from "./planner.ts";
import { parseQuery } from "./query-options.ts";

const value = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom<JsonValue>("a", "A", "é", "e\u0301", "z", "ж", "漢", ""),
  },
  { weight: 2, arbitrary: fc.constantFrom<JsonValue>(-1, 0, 0.5, 2, 1e300) },
  { weight: 1, arbitrary: fc.constantFrom<JsonValue>(null, true, [], ["a", 1], ["ж"], { a: 1 }) },
  { weight: 1, arbitrary: fc.constantFrom<JsonValue>("x".repeat(300), `${"x".repeat(300)}y`) },
);
const document = fc.record({ a: value, b: value, c: fc.record({ d: value }) }, {
  requiredKeys: [],
}) as fc.Arbitrary<JsonObject>;
const key = fc.constantFrom(..."0123456789abc".split("").map((c) => `k${c}`));
const write = fc.tuple(key, fc.option(document, { nil: undefined }));
const columns = fc.uniqueArray(fc.constantFrom("a", "b", "c.d", "_id"), {
  minLength: 1,
  maxLength: 3,
});
const definition = fc.record({ fields: columns, partial: fc.boolean() }).map(
  ({ fields, partial }) => ({
    index: { fields, ...(partial ? { partial_filter_selector: { b: { $type: "string" } } } : {}) },
  }),
);
const condition = fc.dictionary(
  fc.constantFrom("$gt", "$gte", "$lt", "$lte", "$eq"),
  value,
  { minKeys: 1, maxKeys: 2 },
);
const selector = fc.dictionary(fc.constantFrom("a", "b", "c.d"), condition, { maxKeys: 3 });
const query = fc.record({
  selector,
  descending: fc.boolean(),
  sorted: fc.boolean(),
  use: fc.boolean(),
});

/** The results by the definitions: no ranges, no keys of the table. */
function expected(
  state: ReadonlyMap<string, JsonObject>,
  json: string,
  indexes: readonly IndexDefinition[],
): string[] {
  const options = parseQuery(json);
  const { index } = plan(options, indexes);
  const rows = [...state].flatMap(([id, fields]) => {
    const document = { ...fields, _id: id };
    const values = index ? indexValues(index, document) : [];
    return values && matches(options.selector, document) ? [{ id, values }] : [];
  });
  rows.sort((a, b) => compareJson(a.values, b.values) || compareUtf8(a.id, b.id));
  return (options.descending ? rows.reverse() : rows).map(({ id }) => id);
}

Deno.test("an index answers as a search through all documents, page by page too", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(write, { maxLength: 8 }), { minLength: 1, maxLength: 3 }),
      fc.array(definition, { minLength: 1, maxLength: 2 }),
      fc.array(query, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 0, max: 3 }),
      (blocks, definitions, queries, deployAfter) => {
        using test = richQueryLedger();
        const files = definitions.map((file, i) => ({ ...file, ddoc: `d${i}`, name: `n${i}` }));
        const state = new Map<string, JsonObject>();
        const deploy = () => {
          test.packages.set(
            "cc:1",
            Object.fromEntries(files.map((file) => [`indexes/${file.name}.json`, file])),
          );
          instantiate(test.ledger, "cc", "1");
        };
        blocks.forEach((writes, i) => {
          if (i === deployAfter) deploy();
          commitOne(test.ledger, (simulator) => {
            for (const [key, document] of writes) {
              if (document === undefined) simulator.deleteState("cc", key);
              else simulator.setState("cc", key, utf8(JSON.stringify(document)));
              if (document === undefined) state.delete(key);
              else state.set(key, document);
            }
          });
        });
        if (deployAfter >= blocks.length) deploy();
        const indexes = files.map((file) => parseIndexDefinition(utf8(JSON.stringify(file))));
        for (const { selector, descending, sorted, use } of queries) {
          const sort = sorted || descending
            ? files[0].index.fields.map((field) => ({ [field]: descending ? "desc" : "asc" }))
            : [];
          const asked = { selector, sort, ...(use ? { use_index: "d0" } : {}) };
          const json = JSON.stringify(asked);
          let wanted: string[];
          try {
            wanted = expected(state, json, indexes);
          } catch {
            assert.throws(() => keysOf(test.ledger, "cc", json), /no_usable_index/);
            continue;
          }
          assert.deepEqual(keysOf(test.ledger, "cc", json), wanted, json);
          const paged: string[] = [];
          for (let bookmark = "", size = 1; size > 0;) {
            const next = page(test.ledger, "cc", asked, 2, bookmark);
            paged.push(...next.keys);
            size = next.keys.length;
            bookmark = next.bookmark;
          }
          assert.deepEqual(paged, wanted, json);
        }
      },
    ),
    { numRuns: 60 },
  );
});
