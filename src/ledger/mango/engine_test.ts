import assert from "node:assert/strict";
import fc from "fast-check";
import { text, utf8 } from "../../base/bytes.ts";
import { commitOne } from "../../../tests/support/test-ledger.ts";
import {
  ask,
  inQuery,
  instantiate,
  keysOf,
  page,
  putAll,
  richQueryLedger,
} from "../../../tests/support/rich-query-ledger.ts";
import { decodeReadWriteSet } from "../rwset/decode.ts";

const marbles = {
  m3: { owner: "tom", size: 20, color: "green" },
  m1: { owner: "tom", size: 35, color: "blue" },
  m2: { owner: "ann", size: 5, color: "blue" },
  m4: { owner: "Tom", size: 20 },
  binary: "\u0001",
  list: "[1,2]",
  "color~name\u0000blue\u0000": "\u0000",
};
const ownerIndex = {
  "indexes/owner.json": {
    index: { fields: ["owner", "size"] },
    ddoc: "indexOwnerDoc",
    name: "indexOwner",
    type: "json",
  },
};

Deno.test("without an index results come in the order of keys, as they are stored", () => {
  using test = richQueryLedger();
  putAll(test.ledger, "cc", marbles);
  putAll(test.ledger, "other", marbles);
  assert.deepEqual(ask(test.ledger, "cc", { selector: { owner: "tom" } }), [
    ["m1", JSON.stringify(marbles.m1)],
    ["m3", JSON.stringify(marbles.m3)],
  ]);
  assert.deepEqual(keysOf(test.ledger, "cc", { selector: {} }), ["m1", "m2", "m3", "m4"]);
  const byId = { selector: { _id: { $gt: "m1", $lte: "m3" } } };
  assert.deepEqual(keysOf(test.ledger, "cc", byId), ["m2", "m3"]);
  assert.deepEqual(keysOf(test.ledger, "cc", { ...byId, sort: [{ _id: "desc" }] }), ["m3", "m2"]);
  assert.deepEqual(keysOf(test.ledger, "nobody", { selector: {} }), []);
});

Deno.test("an index gives its order, which sorts are served from", () => {
  using test = richQueryLedger();
  test.packages.set("cc:1", ownerIndex);
  instantiate(test.ledger, "cc", "1");
  putAll(test.ledger, "cc", marbles);
  const selector = { owner: { $gte: "a" }, size: { $gt: 0 } };
  assert.deepEqual(keysOf(test.ledger, "cc", { selector }), ["m2", "m3", "m1", "m4"]);
  const sorted = (...sort: unknown[]) => keysOf(test.ledger, "cc", { selector, sort });
  assert.deepEqual(sorted("owner"), ["m2", "m3", "m1", "m4"]);
  assert.deepEqual(sorted({ owner: "desc" }, { size: "desc" }), ["m4", "m1", "m3", "m2"]);
  const tom = { selector: { owner: "tom" }, sort: ["size"] };
  assert.deepEqual(keysOf(test.ledger, "cc", tom), ["m3", "m1"]);
  assert.throws(() => sorted("size"), {
    code: "bad-rich-query",
    message:
      "error handling CouchDB request. Error:no_usable_index,  Status Code:400,  Reason:No index exists for this sort, try indexing by the sort fields.",
  });
  assert.throws(() => sorted({ owner: "asc" }, { size: "desc" }), /unsupported_mixed_sort/);
});

Deno.test("fields cut the value, limit is Fabric's to say, skip is counted in each batch", () => {
  using test = richQueryLedger({ internalQueryLimit: 3 });
  const documents = Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [`k${String(i).padStart(2, "0")}`, { i, "<": { a: i } }]),
  );
  putAll(test.ledger, "cc", documents);
  const query = { selector: { i: { $lt: 2 } }, fields: ["<.a", "none"], limit: 1 };
  assert.deepEqual(ask(test.ledger, "cc", query), [
    ["k00", '{"\\u003c":{"a":0}}'],
    ["k01", '{"\\u003c":{"a":1}}'],
  ]);
  // Fabric asks CouchDB for three at a time, and each time the first of them is skipped.
  assert.deepEqual(
    keysOf(test.ledger, "cc", { selector: {}, skip: 1 }),
    ["k01", "k02", "k03", "k05", "k06", "k07", "k09", "k10", "k11"],
  );
});

Deno.test("pages go on from their bookmarks until one is empty", () => {
  using test = richQueryLedger();
  test.packages.set("cc:1", ownerIndex);
  instantiate(test.ledger, "cc", "1");
  putAll(test.ledger, "cc", marbles);
  for (const query of [{ selector: {} }, { selector: { owner: { $gt: null }, size: 20 } }]) {
    const all = keysOf(test.ledger, "cc", query);
    const pages: string[] = [];
    let bookmark = "";
    for (;;) {
      const next = page(test.ledger, "cc", query, 1, bookmark);
      if (next.keys.length === 0) {
        assert.equal(next.bookmark, bookmark);
        break;
      }
      pages.push(...next.keys);
      bookmark = next.bookmark;
    }
    assert.deepEqual(pages, all);
    const rest = page(test.ledger, "cc", { ...query, bookmark }, 1, "");
    assert.deepEqual(rest.keys, []);
  }
  const none = page(test.ledger, "cc", { selector: { owner: "nobody" } }, 2, "");
  assert.deepEqual(none, { keys: [], bookmark: "nil" });
  const impossible = { selector: { owner: { $gt: "z", $lt: "a" }, size: 1 } };
  assert.deepEqual(page(test.ledger, "cc", impossible, 2, ""), { keys: [], bookmark: "" });
  assert.throws(() => page(test.ledger, "cc", { selector: {} }, 2, "nil"), /invalid_bookmark/);
  const other = page(test.ledger, "cc", { selector: { owner: "tom", size: 20 } }, 1, "").bookmark;
  assert.throws(() => page(test.ledger, "cc", { selector: {} }, 2, other), /Invalid bookmark/);
});

Deno.test("results are reads, the query itself is not", () => {
  using test = richQueryLedger();
  putAll(test.ledger, "cc", marbles);
  const simulator = test.ledger.newSimulator("t");
  const iterator = simulator.executeQuery("cc", '{"selector":{"owner":"tom"}}');
  assert.equal(iterator.next()?.key, "m1");
  assert.equal(iterator.next()?.key, "m3");
  simulator.setState("cc", "m9", utf8('{"owner":"tom"}'));
  assert.equal(iterator.next(), undefined, "writes of the transaction are not seen");
  const [{ kv }] = decodeReadWriteSet(simulator.results().publicBytes).namespaces;
  simulator.done();
  assert.deepEqual(kv.reads.map(({ key }) => key), ["m1", "m3"]);
  assert.equal(kv.rangeQueriesInfo.length, 0);
});

Deno.test("private data is asked by collection and recorded nowhere", () => {
  using test = richQueryLedger();
  test.packages.set("cc:1", {
    "collections/secret/indexes/a.json": { index: { fields: ["a"] }, ddoc: "d", name: "n" },
    "collections/unknown/indexes/a.json": { index: { fields: ["a"] } },
  });
  instantiate(test.ledger, "cc", "1", { secret: 0 });
  commitOne(test.ledger, (simulator) => {
    simulator.setPrivateData("cc", "secret", "k1", utf8('{"a":2}'));
    simulator.setPrivateData("cc", "secret", "k2", utf8('{"a":1}'));
    simulator.setPrivateData("cc", "secret", "k3", utf8('{"b":1}'));
  });
  const simulator = test.ledger.newSimulator("t");
  const query = '{"selector":{"a":{"$gt":0}}}';
  const iterator = simulator.executeQueryOnPrivateData("cc", "secret", query);
  assert.deepEqual(iterator.next(), { namespace: "cc", key: "k2", value: utf8('{"a":1}') });
  assert.equal(iterator.next()?.key, "k1");
  assert.equal(iterator.next(), undefined);
  assert.throws(() => simulator.setState("cc", "k", utf8("v")), /queries on pvt data/);
  assert.throws(() => simulator.executeQueryOnPrivateData("cc", "no", query), {
    code: "collection-not-defined",
  });
  const namespaces = decodeReadWriteSet(simulator.results().publicBytes).namespaces;
  assert.deepEqual(namespaces.map(({ namespace }) => namespace), ["lscc"]);
  simulator.done();
});

Deno.test("with CouchDB's rules values read as CouchDB gives them, and binary ones are documents", () => {
  using test = richQueryLedger({ stateDatabase: "CouchDB", binaryDocuments: true });
  putAll(test.ledger, "cc", {
    json: '{ "b": 1.0, "a": "<" }',
    binary: "not JSON",
  });
  inQuery(test.ledger, (simulator) => {
    assert.equal(text(simulator.getState("cc", "json") ?? utf8("")), '{"a":"\\u003c","b":1}');
    assert.equal(text(simulator.getState("cc", "binary") ?? utf8("")), "not JSON");
    assert.equal(simulator.getStateRange("cc", "json", "").next()?.value.length, 20);
  });
  assert.deepEqual(ask(test.ledger, "cc", { selector: {} }), [
    ["binary", "not JSON"],
    ["json", '{"a":"\\u003c","b":1}'],
  ]);
  const absent = { selector: { a: { $exists: false } }, fields: ["a"] };
  assert.deepEqual(ask(test.ledger, "cc", absent), [["binary", "{}"]]);
  assert.deepEqual(keysOf(test.ledger, "cc", { selector: { a: { $gt: null } } }), ["json"]);
});

Deno.test("what is no query is refused with the words that Fabric passes on", () => {
  using test = richQueryLedger();
  const couch = (error: string, reason: string) =>
    `error handling CouchDB request. Error:${error},  Status Code:400,  Reason:${reason}`;
  const refusals: [unknown, string | RegExp][] = [
    ["", "EOF"],
    [" [1]", "json: cannot unmarshal array into Go value of type map[string]interface {}"],
    ['"x"', "json: cannot unmarshal string into Go value of type map[string]interface {}"],
    ["selector", "invalid character 's' looking for beginning of value"],
    ['{"selector":{', "unexpected EOF"],
    ['{"selector":{"a":x}}', /query is not JSON/],
    [{}, couch("missing_required_key", "Missing required key: selector")],
    [{ selector: {}, fields: "a" }, "fields definition must be an array"],
    [{ selector: {}, fields: [1] }, couch("invalid_field", "Invalid JSON for field spec: 1")],
    [{ selector: {}, what: 1 }, couch("invalid_key", "Invalid key what for this request.")],
    [
      { selector: {}, skip: -1 },
      couch("invalid_non_neg_integer", "-1 is not an integer greater than or equal to zero"),
    ],
    [{ selector: {}, use_index: [1] }, couch("invalid_index_name", "Invalid index name: [1]")],
    [
      { selector: {}, sort: {} },
      couch("invalid_sort_json", "Sort must be an array of sort specs, not: {[]}"),
    ],
    [{ selector: {}, sort: [{ a: 1 }] }, /invalid_sort_field/],
    [{ selector: {}, bookmark: 1 }, couch("invalid_bookmark", "Invalid bookmark value: 1")],
  ];
  for (const [query, message] of refusals) {
    assert.throws(() => ask(test.ledger, "cc", query), { code: "bad-rich-query", message });
  }
  assert.deepEqual(ask(test.ledger, "cc", '{"selector":{"a":"}"}} and more'), []);
  const big = '{"selector":{"a":9007199254740993}}';
  putAll(test.ledger, "cc", { k: '{"a":9007199254740992}' });
  assert.deepEqual(keysOf(test.ledger, "cc", big), [], "integers of queries are exact");
});

Deno.test("all documents backwards, in pages", () => {
  using test = richQueryLedger();
  const documents = Array.from({ length: 150 }, (_, i) => [`k${i + 100}`, { i }]);
  putAll(test.ledger, "cc", Object.fromEntries(documents));
  putAll(test.ledger, "cd", { other: {} });
  const query = { selector: { _id: { $gt: "k104", $lte: "k240" } }, sort: [{ _id: "desc" }] };
  const paged: string[] = [];
  for (let bookmark = "", size = 1; size > 0;) {
    const next = page(test.ledger, "cc", query, 30, bookmark);
    paged.push(...next.keys);
    size = next.keys.length;
    bookmark = next.bookmark;
  }
  assert.deepEqual(paged, Array.from({ length: 136 }, (_, i) => `k${240 - i}`));
  assert.deepEqual(keysOf(test.ledger, "cc", query), paged);
});

Deno.test("any text is answered or refused as a query", () => {
  using test = richQueryLedger();
  putAll(test.ledger, "cc", marbles);
  const part = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom("owner", "asc", "desc", "_design/x", null, [], {}),
    fc.dictionary(
      fc.constantFrom("owner", "size", "_id", "$and", "$or", "$not", "$in", "$mod", "$elemMatch"),
      fc.jsonValue({ maxDepth: 2 }),
    ),
  );
  const names = ["selector", "sort", "fields", "skip", "limit", "bookmark", "use_index", "r", "x"];
  const query = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(fc.constantFrom(...names), part, { minKeys: 1 }).map((q) => JSON.stringify(q)),
    fc.dictionary(fc.constantFrom(...names.slice(1)), part)
      .map((q) => JSON.stringify({ selector: {}, ...q })),
    fc.constantFrom(...["[", '{"selector":', '{"selector":{"a":{"$size":['])
      .map((open) => open.repeat(20_000)),
  );
  fc.assert(
    fc.property(query, (text) => {
      try {
        ask(test.ledger, "cc", text);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "bad-rich-query", String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
