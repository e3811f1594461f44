import assert from "node:assert/strict";
import fc from "fast-check";
import { DenimError } from "../../base/errors.ts";
import { hex, utf8 } from "../../base/bytes.ts";
import { toBinary } from "@bufbuild/protobuf";
import { HashedRWSetSchema, KVRWSetSchema } from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { goldenBlocks } from "../../../tests/support/golden.ts";
import { decodeTransaction, indexedTxId, simulationResultsOf } from "../transaction/decode.ts";
import { configBytesOf } from "../transaction/config-transaction.ts";
import { ReadWriteSetBuilder } from "./builder.ts";
import { containsPrivateWrites, decodeReadWriteSet, privateSetHash, versionOf } from "./decode.ts";

/** Results of all recorded transactions that have some. */
const recorded = goldenBlocks().flatMap((block) => block.data?.data ?? []).flatMap((envelope) => {
  const transaction = decodeTransaction(envelope);
  if (transaction?.channelHeader.type !== 3) return [];
  try {
    const results = simulationResultsOf(transaction);
    return [{ envelope, results, set: decodeReadWriteSet(results) }];
  } catch (thrown) {
    assert.ok(thrown instanceof DenimError);
    return [];
  }
});

Deno.test("recorded sets decode with their original bytes beside them", () => {
  assert.ok(recorded.length > 100);
  let collections = 0;
  for (const { set } of recorded) {
    for (const ns of set.namespaces) {
      assert.equal(hex(toBinary(KVRWSetSchema, ns.kv)), hex(ns.bytes));
      for (const { collection, hashed, bytes, privateSetHash: hash } of ns.collections) {
        collections++;
        assert.equal(hex(toBinary(HashedRWSetSchema, hashed)), hex(bytes));
        assert.equal(privateSetHash(set, ns.namespace, collection), hash);
        if (hash.length > 0) assert.ok(containsPrivateWrites(set));
      }
    }
    assert.equal(privateSetHash(set, "none", "coll"), undefined);
  }
  assert.ok(collections > 0);
});

Deno.test("the namespaces that a builder gives are what its bytes say", () => {
  const builder = new ReadWriteSetBuilder();
  builder.addRead("b", "k", { blockNumber: 2, txNumber: 0 });
  builder.addRead("a", "gone", undefined);
  builder.addWrite("b", "k", utf8("value"));
  builder.addWrite("b", "old", undefined);
  builder.addMetadataWrite("a", "k", new Map([["m", utf8("policy")]]));
  builder.addHashedRead("a", "secret", "k", { blockNumber: 1, txNumber: 7 });
  builder.addPrivateWrite("a", "secret", "k", utf8("clear"));
  builder.addPrivateMetadataWrite("a", "other", "k", new Map([["m", utf8("policy")]]));
  const { publicBytes, namespaces } = builder.build();
  assert.deepEqual(namespaces, decodeReadWriteSet(publicBytes).namespaces);
});

Deno.test("an absent version and version 0 are different", () => {
  assert.equal(versionOf(undefined), undefined);
  const reads = recorded.flatMap(({ set }) => set.namespaces.flatMap(({ kv }) => kv.reads));
  assert.ok(reads.some((read) => read.version === undefined));
});

/** Bytes cut, changed, or with something in between. */
const mutation = fc.tuple(
  fc.nat(),
  fc.constantFrom("cut", "change", "insert"),
  fc.uint8Array({ minLength: 1, maxLength: 6 }),
);

function mutate(bytes: Uint8Array, [at, kind, other]: [number, string, Uint8Array]): Uint8Array {
  const position = at % (bytes.length + 1);
  const head = bytes.subarray(0, position);
  if (kind === "cut") return head;
  const rest = bytes.subarray(kind === "insert" ? position : position + other.length);
  return Uint8Array.from([...head, ...other, ...rest]);
}

Deno.test("mutated sets and envelopes decode or are refused, nothing else", () => {
  fc.assert(
    fc.property(fc.nat(recorded.length - 1), mutation, mutation, (index, one, two) => {
      const { results, envelope } = recorded[index];
      try {
        decodeReadWriteSet(mutate(results, one));
      } catch (thrown) {
        assert.equal((thrown as DenimError).code, "bad-read-write-set");
      }
      const transaction = decodeTransaction(mutate(envelope, two));
      assert.equal(typeof indexedTxId(transaction), "string");
      if (transaction === undefined) return;
      try {
        simulationResultsOf(transaction);
      } catch (thrown) {
        assert.equal((thrown as DenimError).code, "nil-transaction-action");
      }
    }),
    { numRuns: 400 },
  );
});

Deno.test("a configuration envelope without configuration, or of garbage, is refused", () => {
  for (const bytes of [new Uint8Array(0), Uint8Array.of(0x0a, 0x7f), Uint8Array.of(0xff)]) {
    assert.throws(() => configBytesOf(bytes), { code: "bad-config-transaction" });
  }
  assert.deepEqual([...configBytesOf(Uint8Array.of(0x12, 1, 9, 0x0a, 2, 8, 1))], [8, 1]);
});
