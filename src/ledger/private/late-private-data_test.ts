import assert from "node:assert/strict";
import { text, utf8 } from "../../base/bytes.ts";
import { TxValidationCode } from "../../gen/peer/transaction_pb.ts";
import {
  commitNext,
  commitOne,
  defineChaincode,
  simulate,
  type Simulated,
  testLedger,
} from "../../../tests/support/test-ledger.ts";
import { syntheticBlock } from "../../../tests/support/synthetic-block.ts";
import type { LatePrivateData, PeerLedger } from "../types.ts";

type Put = Parameters<typeof simulate>[1];
const put = (key: string, value: string): Put => (simulator) =>
  simulator.setPrivateData("cc", "coll", key, utf8(value));
const remove = (key: string): Put => (simulator) => simulator.deletePrivateData("cc", "coll", key);

/** A transaction whose private data does not come with its block. */
function commitWithout(ledger: PeerLedger, run: Put, code = 0): LatePrivateData {
  const simulated = simulate(ledger, run);
  const { height, currentBlockHash } = ledger.info();
  ledger.commit({
    block: syntheticBlock(height, currentBlockHash, [simulated]),
    flags: Uint8Array.of(code),
    missingPrivateData: [{ txNumber: 0, namespace: "cc", collection: "coll", eligible: true }],
  });
  return lateOf(simulated, height);
}

function lateOf({ privateSet }: Simulated, blockNumber: number): LatePrivateData {
  const rwset = privateSet?.nsPvtRwset[0].collectionPvtRwset[0].rwset;
  assert.ok(rwset);
  return { blockNumber, txNumber: 0, namespace: "cc", collection: "coll", rwset };
}

/** The value, as chaincode would read it; "?" where the peer has another version than the hash. */
function read(ledger: PeerLedger, key: string): string | undefined {
  const simulator = ledger.newSimulator("reader");
  try {
    const value = simulator.getPrivateData("cc", "coll", key);
    return value && text(value);
  } catch {
    return "?";
  } finally {
    simulator.done();
  }
}

Deno.test("private data that comes late can be read, is kept, and is missing no more", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const late = commitWithout(ledger, put("k", "1"));
  const hash = ledger.commitHash();
  assert.equal(read(ledger, "k"), "?");
  assert.equal(ledger.commitLatePrivateData([late]), 1);
  assert.equal(read(ledger, "k"), "1");
  assert.deepEqual(ledger.missingPrivateData(9), []);
  assert.equal(ledger.privateDataOfBlock(late.blockNumber).size, 1);
  assert.deepEqual(ledger.commitHash(), hash);
  assert.equal(ledger.commitLatePrivateData([late]), 0);
  assert.equal(read(test.reopen(), "k"), "1");
});

Deno.test("what the block does not promise is not taken in", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const late = commitWithout(ledger, put("k", "1"));
  const forged = [
    { ...late, rwset: Uint8Array.from([...late.rwset, 0]) },
    { ...late, collection: "other" },
    { ...late, txNumber: 7 },
    { ...late, blockNumber: late.blockNumber - 1 },
  ];
  assert.equal(ledger.commitLatePrivateData(forged), 0);
  assert.equal(read(ledger, "k"), "?");
  assert.equal(ledger.missingPrivateData(9).length, 1);
});

Deno.test("an outdated value does not come back to life, whatever comes when", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const first = commitWithout(ledger, put("k", "1"));
  const second = commitWithout(ledger, put("k", "2"));
  assert.equal(ledger.commitLatePrivateData([second]), 1);
  assert.equal(ledger.commitLatePrivateData([first]), 1);
  assert.equal(read(ledger, "k"), "2");
  const third = commitWithout(ledger, put("gone", "1"));
  const removal = commitWithout(ledger, remove("gone"));
  assert.equal(ledger.commitLatePrivateData([third, removal]), 2);
  assert.equal(read(ledger, "gone"), undefined);
});

Deno.test("data of an invalid transaction is kept, but changes no state", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  commitOne(ledger, put("k", "1"));
  const late = commitWithout(ledger, put("k", "2"), TxValidationCode.MVCC_READ_CONFLICT);
  assert.equal(ledger.commitLatePrivateData([late]), 1);
  assert.equal(ledger.privateDataOfBlock(late.blockNumber).size, 1);
  assert.equal(read(ledger, "k"), "1");
});

Deno.test("late data dies when it would have died", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 2 });
  const late = commitWithout(ledger, put("k", "1"));
  assert.equal(ledger.commitLatePrivateData([late]), 1);
  for (let block = 0; block < 2; block++) commitNext(ledger, []);
  assert.equal(read(ledger, "k"), "1");
  commitNext(ledger, []);
  assert.equal(read(ledger, "k"), undefined);
  assert.equal(
    [...ledger.stateEntries()].filter(({ namespace }) => /\$\$/.test(namespace)).length,
    0,
  );
  assert.equal(ledger.privateDataOfBlock(late.blockNumber).size, 0);
  const tooLate = commitWithout(ledger, put("k", "2"));
  for (let block = 0; block < 3; block++) commitNext(ledger, []);
  assert.equal(ledger.commitLatePrivateData([tooLate]), 0);
});

Deno.test("what is missing can be looked through block by block, newest first", () => {
  using test = testLedger();
  const { ledger } = test;
  defineChaincode(ledger, "cc", { coll: 0 });
  const blocks = ["a", "b", "c"].map((key) => commitWithout(ledger, put(key, "1")).blockNumber);
  const numbers = (max: number, below?: number) =>
    ledger.missingPrivateData(max, below).map(({ blockNumber }) => blockNumber);
  assert.deepEqual(numbers(2), [blocks[2], blocks[1]]);
  assert.deepEqual(numbers(2, blocks[1]), [blocks[0]]);
  assert.deepEqual(numbers(2, blocks[0]), []);
});
