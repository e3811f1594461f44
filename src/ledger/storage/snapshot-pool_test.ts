import assert from "node:assert/strict";
import { text, utf8 } from "../../base/bytes.ts";
import type { QueryExecutor } from "../types.ts";
import { commitOne, testLedger } from "../../../tests/support/test-ledger.ts";

const valueOf = (query: QueryExecutor) => text(query.getState("cc", "k") ?? utf8("-"));

Deno.test("a query sees the height it began at, whatever commits meanwhile", () => {
  using test = testLedger();
  const { ledger } = test;
  const queries = [ledger.newQueryExecutor()];
  for (const value of ["1", "2", "3"]) {
    commitOne(ledger, (s) => s.setState("cc", "k", utf8(value)));
    queries.push(ledger.newQueryExecutor());
  }
  assert.deepEqual(queries.map(valueOf), ["-", "1", "2", "3"]);
  const range = queries[1].getStateRange("cc", "", "");
  assert.equal(text(range.next()?.value ?? utf8("")), "1");
  for (const query of queries) query.done();
});

Deno.test("open heights are bounded, simulations of one height are not", () => {
  using test = testLedger({ limits: { maxOpenSnapshots: 2, maxIdleSnapshots: 1 } });
  const { ledger } = test;
  const queries: QueryExecutor[] = [];
  const open = () => queries.push(ledger.newQueryExecutor());
  for (let i = 0; i < 20; i++) open();
  commitOne(ledger, (s) => s.setState("cc", "k", utf8("1")));
  open();
  // Committing needs no snapshot of its own.
  const simulated = ledger.newSimulator("t");
  simulated.done();
  const block = (value: string) => commitOne(ledger, (s) => s.setState("cc", "k", utf8(value)));
  block("2");
  assert.throws(open, { code: "too-many-snapshots" });
  assert.throws(() => block("3"), { code: "too-many-snapshots" });
  for (const query of queries.splice(0)) query.done();
  block("3");
  open();
  assert.equal(valueOf(queries[0]), "3");
  queries[0].done();
});

Deno.test("a value read twice is the same one, an absent key stays absent, whatever is remembered", () => {
  using test = testLedger({ limits: { maxRememberedReads: 3, maxRememberedValueBytes: 10 } });
  const { ledger } = test;
  const values = ["", "short", "longer than is remembered"];
  commitOne(ledger, (s) => values.forEach((value, i) => s.setState("cc", `k${i}`, utf8(value))));
  const keys = ["k0", "k1", "k2", "k3", "k4", "k1", "k2", "k3", "k0"];
  const read = (query: QueryExecutor) =>
    keys.map((key) => query.getState("cc", key)).map((value) => value && text(value));
  const expected = keys.map((key) => values[Number(key[1])] || undefined);
  const before = ledger.newQueryExecutor();
  assert.deepEqual(read(before), expected);
  commitOne(ledger, (s) => s.setState("cc", "k1", utf8("other")));
  const after = ledger.newQueryExecutor();
  assert.deepEqual(read(after), expected.map((value) => value === "short" ? "other" : value));
  assert.deepEqual(read(before), expected);
  before.done();
  after.done();
});

Deno.test("closing a ledger ends open queries with a clear error", () => {
  using test = testLedger();
  const query = test.ledger.newQueryExecutor();
  query.getState("cc", "k");
  test.ledger.close();
  assert.throws(() => query.getState("cc", "k"), { code: "ledger-closed" });
  assert.throws(() => test.ledger.newSimulator("t"), { code: "ledger-closed" });
  query.done();
});
