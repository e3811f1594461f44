import assert from "node:assert/strict";
import { createLedgerProvider } from "../ledger-provider.ts";
import { temporaryDirectory } from "../../../tests/support/temporary.ts";
import { syntheticGenesis } from "../../../tests/support/synthetic-block.ts";
import {
  instantiate,
  keysOf,
  putAll,
  richQueryLedger,
} from "../../../tests/support/rich-query-ledger.ts";
import { utf8 } from "../../base/bytes.ts";
import { commitOne } from "../../../tests/support/test-ledger.ts";
import { createMangoEngine } from "./engine.ts";

const byA = { index: { fields: ["a"] }, ddoc: "byA", name: "byA", type: "json" };
const documents = { k1: { a: 2, b: 1 }, k2: { a: 1, b: 2 }, k3: { b: 3 } };
/** Answered in the index's order, and refused where there is none. */
const sorted = { selector: { a: { $gt: null } }, sort: ["a"] };

Deno.test("a package's indexes come with the chaincode and stay over a restart and an upgrade", () => {
  using test = richQueryLedger();
  putAll(test.ledger, "cc", documents);
  test.packages.set("cc:1", { "indexes/a.json": byA });
  instantiate(test.ledger, "cc", "1");
  assert.deepEqual(keysOf(test.ledger, "cc", sorted), ["k2", "k1"]);
  test.reopen();
  putAll(test.ledger, "cc", { k0: { a: 9 }, k2: { a: 3 } });
  commitOne(test.ledger, (simulator) => simulator.deleteState("cc", "k1"));
  assert.deepEqual(keysOf(test.ledger, "cc", sorted), ["k2", "k0"]);
  const byB = { index: { fields: ["b"] }, ddoc: "byA", name: "byA" };
  test.packages.set("cc:2", { "indexes/other.json": byB });
  instantiate(test.ledger, "cc", "2");
  assert.throws(() => keysOf(test.ledger, "cc", sorted), /no_usable_index/, "redefined");
  const byBs = { selector: { b: { $gt: 0 } }, sort: ["b"] };
  assert.deepEqual(keysOf(test.ledger, "cc", byBs), ["k3"]);
});

Deno.test("a package that is installed later brings its indexes then, or when the ledger is opened", () => {
  const packages = new Set<string>();
  using directory = temporaryDirectory();
  const provider = createLedgerProvider({
    directory: directory.path,
    richQueries: createMangoEngine({ internalQueryLimit: 1_000, binaryDocuments: false }),
    indexFiles: ({ name }) =>
      packages.has(name)
        ? [{
          name: "META-INF/statedb/couchdb/indexes/a.json",
          content: utf8(JSON.stringify(byA)),
        }]
        : undefined,
  });
  try {
    const ledger = provider.create("mychannel", syntheticGenesis());
    putAll(ledger, "cc", documents);
    instantiate(ledger, "cc", "1");
    assert.throws(() => keysOf(ledger, "cc", sorted), /no_usable_index/);
    packages.add("cc");
    provider.chaincodeInstalled();
    assert.deepEqual(keysOf(ledger, "cc", sorted), ["k2", "k1"]);
    instantiate(ledger, "dd", "1");
    putAll(ledger, "dd", documents);
    ledger.close();
    packages.add("dd");
    const opened = provider.open("mychannel");
    assert.deepEqual(keysOf(opened, "dd", sorted), ["k2", "k1"]);
  } finally {
    provider.close();
  }
});

Deno.test("bad definitions are reported and left out; the block is committed and the others serve", () => {
  using test = richQueryLedger();
  test.packages.set("cc:1", {
    "indexes/1.json": "not JSON",
    "indexes/2.json": { index: { fields: [{ a: "asc" }, { b: "desc" }] } },
    "indexes/3.json": { index: { fields: ["a"], partial_filter_selector: { a: { $bad: 1 } } } },
    "indexes/4.json": { index: {} },
    "indexes/5.json": byA,
    "other/6.json": byA,
  });
  instantiate(test.ledger, "cc", "1");
  putAll(test.ledger, "cc", documents);
  assert.deepEqual(keysOf(test.ledger, "cc", sorted), ["k2", "k1"]);
});

Deno.test("an index with a filter serves only queries that name it", () => {
  using test = richQueryLedger();
  const filtered = {
    index: { fields: ["a"], partial_filter_selector: { b: { $mod: [0, 1] } } },
    ddoc: "d",
    name: "n",
  };
  const big = {
    index: { fields: ["a"], partial_filter_selector: { b: { $gt: 1 } } },
    ddoc: "d",
    name: "big",
  };
  test.packages.set("cc:1", { "indexes/1.json": filtered, "indexes/2.json": big });
  instantiate(test.ledger, "cc", "1");
  putAll(test.ledger, "cc", documents);
  assert.throws(() => keysOf(test.ledger, "cc", sorted), /no_usable_index/);
  assert.deepEqual(keysOf(test.ledger, "cc", { ...sorted, use_index: ["_design/d", "big"] }), [
    "k2",
  ]);
  assert.deepEqual(keysOf(test.ledger, "cc", { ...sorted, use_index: "d/n" }), []);
});
