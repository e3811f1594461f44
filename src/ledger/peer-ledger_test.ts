import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { BlockMetadataIndex, BlockSchema } from "../gen/common/common_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { equal, hex, text, utf8 } from "../base/bytes.ts";
import { blockHeaderHash, metadataSlot } from "../protocol/block.ts";
import { syntheticBlock, syntheticEnvelope } from "../../tests/support/synthetic-block.ts";
import { commitNext, commitOne, simulate, testLedger } from "../../tests/support/test-ledger.ts";
import type { CommittedBlock, PeerLedger } from "./types.ts";

const put = (key: string, value: string) => (s: Parameters<Parameters<typeof simulate>[1]>[0]) =>
  s.setState("cc", key, utf8(value));

const notFound = { code: "not-found", message: "Entry not found in index" };

Deno.test("blocks and transactions are found by number, hash and id, before and after a restart", () => {
  using test = testLedger({ limits: { recentBlocks: 1 } });
  const list = ["a", "b", "c"].map((key) => simulate(test.ledger, put(key, key)));
  commitNext(test.ledger, list);
  commitOne(test.ledger, put("d", "d"));
  const check = (ledger: PeerLedger) => {
    const { height, currentBlockHash, previousBlockHash } = ledger.info();
    assert.equal(height, 3);
    const block = ledger.blockByNumber(1);
    assert.equal(block.data?.data.length, 3);
    assert.deepEqual(ledger.blockByHash(previousBlockHash), block);
    assert.deepEqual(ledger.blockByTxId(list[1].txId), block);
    assert.deepEqual(ledger.blockByNumber(2 ** 64), ledger.blockByNumber(2));
    assert.ok(block.header && equal(blockHeaderHash(block.header), previousBlockHash));
    assert.equal(
      hex(ledger.blockByNumber(2).header?.previousHash ?? utf8("")),
      hex(previousBlockHash),
    );
    assert.deepEqual(ledger.blockByHash(currentBlockHash), ledger.blockByNumber(2));
    const { envelope, validationCode } = ledger.transactionById(list[2].txId);
    assert.deepEqual(envelope, syntheticEnvelope(list[2]));
    assert.equal(validationCode, TxValidationCode.VALID);
    assert.ok(ledger.hasTransaction(list[0].txId));
    assert.ok(!ledger.hasTransaction("none"));
    assert.throws(() => ledger.blockByNumber(3), notFound);
    assert.throws(() => ledger.blockByNumber(-1), notFound);
    assert.throws(() => ledger.blockByNumber(2 ** 60), notFound);
    assert.throws(() => ledger.blockByHash(utf8("x")), notFound);
    assert.throws(() => ledger.blockByTxId("none"), notFound);
    assert.throws(() => ledger.transactionById(""), notFound);
  };
  check(test.ledger);
  check(test.reopen());
});

Deno.test("of two transactions with one id the first is found, in one block and across blocks", () => {
  using test = testLedger();
  const { ledger } = test;
  const first = simulate(ledger, put("k", "first"));
  const again = { ...simulate(ledger, put("k", "again")), txId: first.txId };
  const flags = Uint8Array.of(0, TxValidationCode.DUPLICATE_TXID);
  commitNext(ledger, [first, again], { flags });
  commitNext(ledger, [again], { flags: flags.subarray(1) });
  const found = ledger.transactionById(first.txId);
  assert.deepEqual(found.envelope, syntheticEnvelope(first));
  assert.equal(found.validationCode, TxValidationCode.VALID);
  assert.equal(ledger.blockByTxId(first.txId).header?.number, 1n);
});

Deno.test("a transaction without id is found by the hash of its nonce and creator", () => {
  using test = testLedger();
  // The genesis configuration: no txid, an empty signature header.
  const computed = createHash("sha256").digest("hex");
  assert.equal(test.ledger.blockByTxId(computed).header?.number, 0n);
});

Deno.test("transactions that do not parse are kept where validation refused them", () => {
  using test = testLedger();
  const { ledger } = test;
  const { height, currentBlockHash } = ledger.info();
  const block = syntheticBlock(height, currentBlockHash, []);
  const garbage = [utf8("garbage"), new Uint8Array(0), Uint8Array.of(0x0a, 0xff)];
  block.data?.data.push(...garbage);
  assert.throws(() => ledger.commit({ block, flags: new Uint8Array(3) }), {
    code: "bad-transaction",
  });
  const flags = new Uint8Array(3).fill(TxValidationCode.BAD_PAYLOAD);
  const committed = ledger.commit({ block, flags });
  assert.deepEqual([committed.txIds, [...committed.flags]], [["", "", ""], [...flags]]);
  assert.deepEqual(ledger.blockByNumber(height).data?.data, garbage);
});

Deno.test("results that do not parse get the codes of Fabric", () => {
  using test = testLedger();
  const { ledger } = test;
  const good = simulate(ledger, put("k", "v"));
  const { flags } = commitNext(ledger, [
    { txId: "bad", results: Uint8Array.of(0x0a, 0xff) },
    { txId: "inner", results: Uint8Array.of(0x12, 0x03, 0x12, 0x01, 0xff) },
    { txId: "empty", results: new Uint8Array(0) },
    good,
  ]);
  assert.deepEqual([...flags], [
    TxValidationCode.INVALID_OTHER_REASON,
    TxValidationCode.INVALID_OTHER_REASON,
    // An action without any field is no bytes at all, which reads as a missing one.
    TxValidationCode.NIL_TXACTION,
    TxValidationCode.VALID,
  ]);
});

Deno.test("blocks out of order, with another past or with too few flags are refused, nothing changes", () => {
  using test = testLedger();
  const { ledger } = test;
  const tx = simulate(ledger, put("k", "v"));
  const { currentBlockHash } = ledger.info();
  const flags = Uint8Array.of(0);
  assert.throws(() => ledger.commit({ block: syntheticBlock(2, currentBlockHash, [tx]), flags }), {
    code: "unexpected-block",
    message: "block number should have been 1 but was 2",
  });
  assert.throws(() => ledger.commit({ block: syntheticBlock(1, utf8("other"), [tx]), flags }), {
    code: "unexpected-block",
    message: /^unexpected Previous block hash\. Expected PreviousHash = \[[0-9a-f]{64}\]/,
  });
  const block = syntheticBlock(1, currentBlockHash, [tx]);
  assert.throws(() => ledger.commit({ block, flags: new Uint8Array(0) }), { code: "bad-flags" });
  assert.throws(() => ledger.commit({ block: create(BlockSchema), flags }), {
    code: "unexpected-block",
  });
  assert.equal(ledger.info().height, 1);
  ledger.commit({ block, flags });
  assert.equal(ledger.info().height, 2);
});

Deno.test("the block handed in stays as it was; the stored one has flags and commit hash", () => {
  using test = testLedger();
  const { ledger } = test;
  const block = syntheticBlock(1, ledger.info().currentBlockHash, [
    simulate(ledger, put("k", "v")),
  ]);
  const committed = ledger.commit({ block, flags: Uint8Array.of(0) });
  assert.equal(metadataSlot(block, BlockMetadataIndex.COMMIT_HASH).length, 0);
  assert.equal(metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER).length, 0);
  assert.equal(metadataSlot(committed.block, BlockMetadataIndex.COMMIT_HASH).length, 34);
  assert.deepEqual(
    [...metadataSlot(committed.block, BlockMetadataIndex.TRANSACTIONS_FILTER)],
    [0],
  );
});

Deno.test("listeners hear of each block in order; one that throws disturbs nobody", () => {
  using test = testLedger();
  const { ledger } = test;
  const heard: CommittedBlock[] = [];
  ledger.onCommit(() => {
    throw new Error("listener");
  });
  const stop = ledger.onCommit((committed) => heard.push(committed));
  commitOne(ledger, put("k", "1"));
  commitOne(ledger, put("k", "2"));
  stop();
  commitOne(ledger, put("k", "3"));
  assert.deepEqual(heard.map(({ number, txIds }) => [number, txIds.length]), [[1, 1], [2, 1]]);
});

async function take(ledger: PeerLedger, from: number, count: number, signal: AbortSignal) {
  const numbers: bigint[] = [];
  for await (const block of ledger.blocksFrom(from, signal)) {
    numbers.push(block.header?.number ?? -1n);
    if (numbers.length === count) break;
  }
  return numbers;
}

Deno.test("a stream of blocks goes on as blocks commit, and ends by abort or close", async () => {
  using test = testLedger();
  const { ledger } = test;
  const { signal } = new AbortController();
  commitOne(ledger, put("k", "1"));
  assert.deepEqual(await take(ledger, 0, 2, signal), [0n, 1n]);
  const ahead = take(ledger, 3, 2, signal);
  const behind = take(ledger, 0, 5, signal);
  for (const value of ["2", "3", "4"]) {
    await Promise.resolve();
    commitOne(ledger, put("k", value));
  }
  assert.deepEqual(await ahead, [3n, 4n]);
  assert.deepEqual(await behind, [0n, 1n, 2n, 3n, 4n]);
  const abort = new AbortController();
  const aborted = take(ledger, 99, 1, abort.signal);
  const closed = take(ledger, 99, 1, signal);
  abort.abort();
  assert.deepEqual(await aborted, []);
  ledger.close();
  assert.deepEqual(await closed, []);
});

Deno.test("history gives every valid write oldest first, deletes too, of exactly this key", () => {
  using test = testLedger();
  const { ledger } = test;
  commitNext(ledger, [simulate(ledger, put("k", "1")), simulate(ledger, put("k\0", "x"))]);
  const flags = Uint8Array.of(0, TxValidationCode.ENDORSEMENT_POLICY_FAILURE, 0);
  commitNext(ledger, [
    simulate(ledger, put("k", "2")),
    simulate(ledger, put("k", "invalid")),
    simulate(ledger, (s) => s.deleteState("cc", "k")),
  ], { flags });
  for (let i = 3; i < 80; i++) commitOne(ledger, put("k", String(i)));
  const history = ledger.newHistoryExecutor();
  commitOne(ledger, put("k", "later"));
  const results = history.getHistoryForKey("cc", "k");
  const seen: string[] = [];
  for (let item = results.next(); item; item = results.next()) {
    assert.deepEqual(item.timestamp, { seconds: 1_700_000_000n, nanos: 5 });
    assert.ok(item.txId.startsWith("tx-"));
    seen.push(item.isDelete ? "deleted" : text(item.value));
  }
  const rest = Array.from({ length: 77 }, (_, i) => String(i + 3));
  assert.deepEqual(seen, ["1", "2", "deleted", ...rest]);
  const open = history.getHistoryForKey("cc", "k");
  history.done();
  history.done();
  assert.throws(() => open.next(), { code: "iterator-closed" });
});

Deno.test("history goes on over deletes, new values, several writes in a block and restarts", () => {
  using test = testLedger();
  const remove = (s: Parameters<Parameters<typeof simulate>[1]>[0]) => s.deleteState("cc", "k");
  const expected: string[] = [];
  const commit = (...values: (string | undefined)[]) => {
    const list = values.map((value) =>
      simulate(test.ledger, value === undefined ? remove : put("k", value))
    );
    commitNext(test.ledger, list);
    expected.push(...values.map((value) => value ?? "deleted"));
  };
  const check = () => {
    const history = test.ledger.newHistoryExecutor();
    const results = history.getHistoryForKey("cc", "k");
    const seen: string[] = [];
    for (let item = results.next(); item; item = results.next()) {
      seen.push(item.isDelete ? "deleted" : text(item.value));
    }
    history.done();
    assert.deepEqual(seen, expected);
  };
  check();
  commit(undefined);
  check();
  commit("1", undefined, "2");
  commit("3", undefined);
  check();
  test.reopen();
  commit(undefined);
  commit("4");
  check();
  commitOne(test.ledger, (s) => s.setStateMetadata("cc", "k", new Map([["p", utf8("v")]])));
  commit("5", "6");
  test.reopen();
  check();
});

Deno.test("without history a peer says so", () => {
  using test = testLedger({ historyEnabled: false });
  const history = test.ledger.newHistoryExecutor();
  assert.throws(() => history.getHistoryForKey("cc", "k"), {
    code: "history-disabled",
    message: "history database not enabled",
  });
  history.done();
});
