import assert from "node:assert/strict";
import { text, utf8 } from "../../base/bytes.ts";
import { decodeReadWriteSet } from "../rwset/decode.ts";
import type { KeyValue, ResultsIterator, TxSimulator } from "../types.ts";
import {
  commitNext,
  commitOne,
  defineChaincode,
  simulate,
  testLedger,
} from "../../../tests/support/test-ledger.ts";

function keys(results: ResultsIterator<KeyValue>): string[] {
  const found: string[] = [];
  for (let item = results.next(); item; item = results.next()) found.push(item.key);
  return found;
}

function fill(simulator: TxSimulator, names: readonly string[]): void {
  for (const name of names) simulator.setState("cc", name, utf8(name));
}

Deno.test("a simulation reads committed state, not its own writes, and names namespaces and keys in order", () => {
  using test = testLedger();
  const { ledger } = test;
  commitOne(ledger, (s) => fill(s, ["a", "b"]));
  const { results } = simulate(ledger, (s) => {
    s.setState("cc", "b", utf8("new"));
    assert.equal(text(s.getState("cc", "b") ?? utf8("")), "b");
    assert.equal(s.getState("cc", "absent"), undefined);
    s.setState("cc", "\u{1f600}", utf8("1"));
    s.setState("cc", "\uffff", utf8("2"));
    s.setState("aa", "z", utf8("3"));
    s.deleteState("cc", "a");
  });
  const { namespaces } = decodeReadWriteSet(results);
  assert.deepEqual(namespaces.map((n) => n.namespace), ["aa", "cc"]);
  const { reads, writes } = namespaces[1].kv;
  assert.deepEqual(reads.map((r) => [r.key, r.version?.blockNum]), [["absent", undefined], [
    "b",
    1n,
  ]]);
  // UTF-8 order: U+FFFF before U+1F600, unlike UTF-16.
  assert.deepEqual(writes.map((w) => [w.key, w.isDelete]), [
    ["a", true],
    ["b", false],
    ["\uffff", false],
    ["\u{1f600}", false],
  ]);
});

Deno.test("an empty value is a delete", () => {
  using test = testLedger();
  const { results } = simulate(test.ledger, (s) => s.setState("cc", "k", new Uint8Array(0)));
  const [write] = decodeReadWriteSet(results).namespaces[0].kv.writes;
  assert.deepEqual([write.isDelete, write.value.length], [true, 0]);
});

Deno.test("ranges take start, leave end, and record how far they were read", () => {
  using test = testLedger();
  const { ledger } = test;
  commitOne(ledger, (s) => fill(s, ["a", "b", "c", "d"]));
  const { results } = simulate(ledger, (s) => {
    assert.deepEqual(keys(s.getStateRange("cc", "b", "d")), ["b", "c"]);
    assert.deepEqual(keys(s.getStateRange("cc", "", "")), ["a", "b", "c", "d"]);
    assert.deepEqual(keys(s.getStateRange("cc", "x", "")), []);
    assert.equal(s.getStateRange("cc", "c", "").next()?.key, "c");
    // Asked twice, recorded once.
    assert.deepEqual(keys(s.getStateRange("cc", "b", "d")), ["b", "c"]);
  });
  const queries = decodeReadWriteSet(results).namespaces[0].kv.rangeQueriesInfo;
  assert.deepEqual(queries.map((q) => [q.startKey, q.endKey, q.itrExhausted, q.readsInfo.case]), [
    ["b", "d", true, "rawReads"],
    ["", "", true, "rawReads"],
    ["x", "", true, undefined],
    ["c", "c", false, "rawReads"],
  ]);
});

Deno.test("a range of another namespace with the same beginning is not read", () => {
  using test = testLedger();
  const { ledger } = test;
  commitOne(ledger, (s) => {
    fill(s, ["a"]);
    s.setState("cc2", "b", utf8("1"));
    s.setState("c", "c\0", utf8("1"));
  });
  simulate(ledger, (s) => {
    assert.deepEqual(keys(s.getStateRange("cc", "", "")), ["a"]);
  });
});

Deno.test("long ranges cross several reads of the database without loss", () => {
  using test = testLedger({ limits: { maxRowsPerRead: 7, targetBytesPerRead: 400 } });
  const { ledger } = test;
  const names = Array.from({ length: 333 }, (_, i) => `k${String(i).padStart(4, "0")}`);
  commitOne(ledger, (s) => fill(s, names));
  simulate(ledger, (s) => assert.deepEqual(keys(s.getStateRange("cc", "", "")), names));
});

Deno.test("pages end with the next key as bookmark, the last with none", () => {
  using test = testLedger();
  const { ledger } = test;
  commitOne(ledger, (s) => fill(s, ["a", "b", "c"]));
  const { results } = simulate(ledger, (s) => {
    const page = s.getStateRangePaged("cc", "a", "", 2);
    assert.equal(page.next()?.key, "a");
    assert.equal(page.next()?.key, "b");
    assert.equal(page.bookmarkAndClose(), "c");
    const last = s.getStateRangePaged("cc", "c", "", 2);
    assert.equal(last.next()?.key, "c");
    assert.equal(last.next(), undefined);
    assert.equal(last.bookmarkAndClose(), "");
    assert.throws(() => last.next(), { code: "iterator-closed" });
  });
  const queries = decodeReadWriteSet(results).namespaces[0].kv.rangeQueriesInfo;
  assert.deepEqual(queries.map((q) => [q.startKey, q.endKey, q.itrExhausted]), [
    ["a", "b", false],
    ["c", "", true],
  ]);
});

Deno.test("pages and private ranges do not mix with writes", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const refusal = (message: string) => ({ code: "unsupported-transaction", message });
  const begin = (txId: string, run: (s: TxSimulator) => void) => {
    const simulator = ledger.newSimulator(txId);
    try {
      run(simulator);
    } finally {
      simulator.done();
    }
  };
  begin("t1", (s) => {
    s.setState("cc", "k", utf8("v"));
    assert.throws(
      () => s.getStateRangePaged("cc", "", "", 1),
      refusal("txid [t1]: Paginated queries are supported only in a read-only transaction"),
    );
    assert.throws(
      () => s.getPrivateDataRange("cc", "coll", "", ""),
      refusal("txid [t1]: Queries on pvt data is supported only in a read-only transaction"),
    );
    s.getStateRange("cc", "", "");
  });
  begin("t2", (s) => {
    s.getStateRangePaged("cc", "", "", 1);
    assert.throws(
      () => s.deleteState("cc", "k"),
      refusal(
        "txid [t2]: Transaction has already performed a paginated query. Writes are not allowed",
      ),
    );
  });
  begin("t3", (s) => {
    s.getPrivateDataRange("cc", "coll", "", "");
    assert.throws(
      () => s.setStateMetadata("cc", "k", new Map()),
      refusal(
        "txid [t3]: Transaction has already performed queries on pvt data. Writes are not allowed",
      ),
    );
  });
});

Deno.test("private calls need a defined collection and record that they depend on it", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const { results } = simulate(ledger, (s) => {
    assert.throws(() => s.setPrivateData("cc", "other", "k", utf8("v")), {
      code: "collection-not-defined",
      message: "collection [other] not defined in the collection config for chaincode [cc]",
    });
    assert.throws(() => s.getPrivateDataHash("none", "coll", "k"), {
      code: "collection-config-not-defined",
    });
    s.setPrivateData("cc", "coll", "k", utf8("v"));
  });
  const { namespaces } = decodeReadWriteSet(results);
  assert.deepEqual(namespaces.map((n) => [n.namespace, n.kv.reads.map((r) => r.key)]), [
    ["cc", []],
    ["lscc", ["cc", "cc~collection", "none"]],
  ]);
});

Deno.test("private data whose newest value this peer lacks is not served", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  commitOne(ledger, (s) => s.setPrivateData("cc", "coll", "k", utf8("1")));
  const update = simulate(ledger, (s) => s.setPrivateData("cc", "coll", "k", utf8("2")));
  commitNext(ledger, [update], { withoutPrivateData: true });
  simulate(ledger, (s) => {
    assert.throws(() => s.getPrivateData("cc", "coll", "k"), {
      code: "private-data-not-available",
      message:
        "private data matching public hash version is not available. Public hash version = {BlockNum: 3, TxNum: 0}, Private data version = {BlockNum: 2, TxNum: 0}",
    });
    assert.ok(s.getPrivateDataHash("cc", "coll", "k"));
    assert.equal(s.getPrivateData("cc", "coll", "never"), undefined);
  });
  assert.deepEqual(ledger.missingPrivateData(10), [
    { blockNumber: 3, txNumber: 0, namespace: "cc", collection: "coll", eligible: true },
  ]);
});

Deno.test("metadata by key hash is for validation only", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const metadata = new Map([["VALIDATION_PARAMETER", utf8("policy")]]);
  commitOne(ledger, (s) => {
    s.setPrivateData("cc", "coll", "k", utf8("1"));
    s.setPrivateDataMetadata("cc", "coll", "k", metadata);
    s.setState("cc", "p", utf8("1"));
    s.setStateMetadata("cc", "p", metadata);
  });
  const query = ledger.newQueryExecutor();
  try {
    const [hashed] = [...ledger.stateEntries()].filter((e) => e.namespace === "cc$$hcoll");
    assert.deepEqual(query.getPrivateDataMetadataByHash("cc", "coll", hashed.key), metadata);
    assert.deepEqual(query.getPrivateDataMetadata("cc", "coll", "k"), metadata);
    assert.deepEqual(query.getStateMetadata("cc", "p"), metadata);
    assert.equal(query.getStateMetadata("cc", "none"), undefined);
  } finally {
    query.done();
  }
  simulate(
    ledger,
    (s) =>
      assert.throws(() => s.getPrivateDataMetadataByHash("cc", "coll", new Uint8Array(32)), {
        code: "query-unsupported",
      }),
  );
});

Deno.test("a simulation ends once: results once, nothing after done", () => {
  using test = testLedger();
  const simulator = test.ledger.newSimulator("t");
  const range = simulator.getStateRange("cc", "", "");
  simulator.results();
  assert.throws(() => simulator.results(), {
    message: "this function should only be called once on a transaction simulator instance",
  });
  simulator.done();
  simulator.done();
  const message = "this instance should not be used after calling Done()";
  assert.throws(() => simulator.getState("cc", "k"), { message });
  assert.throws(() => simulator.setState("cc", "k", utf8("v")), { message });
  assert.throws(() => range.next(), { code: "iterator-closed" });
});

Deno.test("the CouchDB rule for keys refuses what CouchDB refuses", () => {
  using test = testLedger({ stateDatabase: "CouchDB" });
  simulate(test.ledger, (s) => {
    const put = (key: string, value: string) => s.setState("cc", key, utf8(value));
    assert.throws(() => put("_k", "v"), { message: 'invalid key [_k], cannot begin with "_"' });
    assert.throws(() => put("", "v"), { code: "invalid-key-value" });
    assert.throws(() => put("k", '{"_id":1}'), {
      message: "field [_id] is not valid for the CouchDB state database",
    });
    put("k", '{"id":1}');
    put("k", "_anything");
  });
});
