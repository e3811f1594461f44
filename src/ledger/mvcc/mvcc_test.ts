/** Read-write sets that no honest endorser makes: Fabric's arithmetic where it has one, never a crash. */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { text, utf8 } from "../../base/bytes.ts";
import { KVRWSetSchema } from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { TxReadWriteSetSchema } from "../../gen/ledger/rwset/rwset_pb.ts";
import { TxValidationCode } from "../../gen/peer/transaction_pb.ts";
import type { PeerLedger } from "../types.ts";
import { commitNext, commitOne, simulate, testLedger } from "../../../tests/support/test-ledger.ts";

function forged(txId: string, set: MessageInitShape<typeof KVRWSetSchema>) {
  const rwset = toBinary(KVRWSetSchema, create(KVRWSetSchema, set));
  const outer = create(TxReadWriteSetSchema, { nsRwset: [{ namespace: "cc", rwset }] });
  return { txId, results: toBinary(TxReadWriteSetSchema, outer) };
}

function stored(ledger: PeerLedger, key: string) {
  const entry = [...ledger.stateEntries()].find((e) => e.namespace === "cc" && text(e.key) === key);
  return entry && { value: text(entry.value), metadata: entry.metadata, version: entry.version };
}

const write = (key: string, value: string) => ({ key, value: utf8(value) });
const policy = [{ name: "p", value: utf8("v") }];

Deno.test("a key written twice in one set adds up to a metadata write, as Fabric counts", () => {
  using test = testLedger();
  const { ledger } = test;
  commitOne(ledger, (s) => {
    s.setState("cc", "k", utf8("old"));
    s.setStateMetadata("cc", "k", new Map([["p", utf8("v")]]));
  });
  commitNext(ledger, [
    forged("a", {
      writes: [write("k", "1"), write("k", "2"), write("new", "1"), write("new", "2")],
    }),
  ]);
  assert.deepEqual(stored(ledger, "k"), {
    value: "old",
    metadata: undefined,
    version: { blockNumber: 2, txNumber: 0 },
  });
  assert.equal(stored(ledger, "new"), undefined);
});

Deno.test("metadata for a key that an earlier transaction of the block deleted does nothing", () => {
  using test = testLedger();
  const { ledger } = test;
  commitOne(ledger, (s) => s.setState("cc", "k", utf8("old")));
  const { flags } = commitNext(ledger, [
    simulate(ledger, (s) => s.deleteState("cc", "k")),
    forged("a", { metadataWrites: [{ key: "k", entries: policy }] }),
  ]);
  assert.deepEqual([...flags], [0, 0]);
  assert.equal(stored(ledger, "k"), undefined);
});

Deno.test("a write that is no delete but has no value keeps an empty value", () => {
  using test = testLedger();
  commitNext(test.ledger, [forged("a", { writes: [{ key: "k" }] })]);
  assert.equal(stored(test.ledger, "k")?.value, "");
});

Deno.test("deleting wins over metadata in the same set", () => {
  using test = testLedger();
  const { ledger } = test;
  commitOne(ledger, (s) => s.setState("cc", "k", utf8("old")));
  commitNext(ledger, [
    forged("a", {
      writes: [{ key: "k", isDelete: true }],
      metadataWrites: [{ key: "k", entries: policy }],
    }),
  ]);
  assert.equal(stored(ledger, "k"), undefined);
});

Deno.test("impossible range reads are phantoms, not crashes", () => {
  using test = testLedger();
  const { ledger } = test;
  commitOne(ledger, (s) => {
    for (const key of ["a", "b", "c", "d", "e"]) s.setState("cc", key, utf8(key));
  });
  const hashes = (count: number) => Array.from({ length: count }, () => new Uint8Array(32));
  const summary = (maxDegree: number, maxLevel: number, count: number) => ({
    case: "readsMerkleHashes" as const,
    value: { maxDegree, maxLevel, maxLevelHashes: hashes(count) },
  });
  const raw = { case: "rawReads" as const, value: { kvReads: [{ key: "a" }] } };
  const impossible = [
    summary(0, 0, 0),
    summary(1, 1, 1),
    summary(2, 0, 0),
    summary(2, 1, 0),
    summary(2, 9, 1),
    summary(4_000_000_000, 1, 1),
    raw,
  ];
  const { flags } = commitNext(
    ledger,
    impossible.map((readsInfo, i) =>
      forged(`t${i}`, {
        rangeQueriesInfo: [{ startKey: "", endKey: "", itrExhausted: true, readsInfo }],
      })
    ),
  );
  assert.deepEqual(
    [...flags],
    impossible.map(() => TxValidationCode.PHANTOM_READ_CONFLICT),
  );
});

Deno.test("a version beyond all counting equals none", () => {
  using test = testLedger();
  const { ledger } = test;
  const huge = { blockNum: 2n ** 64n - 1n, txNum: 2n ** 64n - 1n };
  const { flags } = commitNext(ledger, [
    forged("a", { reads: [{ key: "k", version: huge }] }),
    forged("b", { reads: [{ key: "k" }] }),
  ]);
  assert.deepEqual([...flags], [TxValidationCode.MVCC_READ_CONFLICT, TxValidationCode.VALID]);
});
