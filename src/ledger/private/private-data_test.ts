import assert from "node:assert/strict";
import { text, utf8 } from "../../base/bytes.ts";
import { TxValidationCode } from "../../gen/peer/transaction_pb.ts";
import type { PeerLedger } from "../types.ts";
import {
  commitNext,
  commitOne,
  defineChaincode,
  simulate,
  testLedger,
} from "../../../tests/support/test-ledger.ts";
import { expiringBlock } from "./collection-policy.ts";

/** Private keys in clear and the number of hashes, as the state has them. */
function privateState(ledger: PeerLedger): { clear: string[]; hashes: number } {
  const entries = [...ledger.stateEntries()];
  return {
    clear: entries.filter((e) => e.namespace === "cc$$pcoll").map((e) => text(e.key)),
    hashes: entries.filter((e) => e.namespace === "cc$$hcoll").length,
  };
}

const put = (key: string, value: string) => (s: Parameters<Parameters<typeof simulate>[1]>[0]) =>
  s.setPrivateData("cc", "coll", key, utf8(value));

const idle = (ledger: PeerLedger) => commitNext(ledger, []);

Deno.test("data lives blockToLive blocks after its own, then value, hash and write set go", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 2 });
  commitOne(ledger, put("k", "1"));
  const committed = ledger.info().height - 1;
  idle(ledger);
  idle(ledger);
  assert.deepEqual(privateState(ledger), { clear: ["k"], hashes: 1 });
  assert.equal(ledger.privateDataOfBlock(committed).size, 1);
  const before = ledger.commitHash();
  idle(ledger);
  assert.deepEqual(privateState(ledger), { clear: [], hashes: 0 });
  assert.equal(ledger.privateDataOfBlock(committed).size, 0);
  assert.notDeepEqual(ledger.commitHash(), before);
});

Deno.test("a key written again lives on from the later write", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 1 });
  commitOne(ledger, put("k", "1"));
  commitOne(ledger, put("k", "2"));
  idle(ledger);
  assert.deepEqual(privateState(ledger), { clear: ["k"], hashes: 1 });
  idle(ledger);
  assert.deepEqual(privateState(ledger), { clear: [], hashes: 0 });
});

Deno.test("a key written by the very block that ends its life stays", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 1 });
  commitOne(ledger, put("k", "1"));
  idle(ledger);
  commitOne(ledger, put("k", "2"));
  assert.deepEqual(privateState(ledger), { clear: ["k"], hashes: 1 });
});

Deno.test("a hash whose value this peer lacks expires too; an outdated clear value does not outlive its time", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 1 });
  commitOne(ledger, put("k", "1"));
  commitNext(ledger, [simulate(ledger, put("k", "2"))], { withoutPrivateData: true });
  assert.equal(ledger.missingPrivateData(5).length, 1);
  assert.deepEqual(privateState(ledger), { clear: ["k"], hashes: 1 });
  idle(ledger);
  assert.deepEqual(privateState(ledger), { clear: [], hashes: 1 });
  idle(ledger);
  assert.deepEqual(privateState(ledger), { clear: [], hashes: 0 });
  assert.deepEqual(ledger.missingPrivateData(5), []);
});

Deno.test("expiry survives a restart", () => {
  using test = testLedger();
  defineChaincode(test.ledger, "cc", { coll: 1 });
  commitOne(test.ledger, put("k", "1"));
  idle(test.reopen());
  idle(test.reopen());
  assert.deepEqual(privateState(test.ledger), { clear: [], hashes: 0 });
});

Deno.test("private data of an invalid transaction is kept but does not reach the state", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const flags = Uint8Array.of(TxValidationCode.ENDORSEMENT_POLICY_FAILURE);
  commitNext(ledger, [simulate(ledger, put("k", "1"))], { flags });
  const block = ledger.info().height - 1;
  assert.equal(ledger.privateDataOfBlock(block).get(0)?.nsPvtRwset.length, 1);
  assert.deepEqual(privateState(ledger), { clear: [], hashes: 0 });
  assert.deepEqual(ledger.missingPrivateData(5), []);
});

Deno.test("private data that is not what was endorsed stops the commit, nothing is written", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const endorsed = simulate(ledger, put("k", "1"));
  const other = simulate(ledger, put("k", "2"));
  const { height } = ledger.info();
  assert.throws(
    () => commitNext(ledger, [{ ...endorsed, privateSet: other.privateSet }]),
    { code: "private-data-hash-mismatch" },
  );
  assert.equal(ledger.info().height, height);
  commitNext(ledger, [endorsed]);
  assert.deepEqual(privateState(ledger), { clear: ["k"], hashes: 1 });
});

Deno.test("for ever is for ever, also beyond what can be counted", () => {
  assert.equal(expiringBlock(5, undefined), undefined);
  assert.equal(expiringBlock(5, 1), 7);
  assert.equal(expiringBlock(5, Number.MAX_SAFE_INTEGER), undefined);
});
