/** What validation lets through, the ledger can commit: a forged transaction must not stop a peer. */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { utf8 } from "../base/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { KVRWSetSchema } from "../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { TxPvtReadWriteSetSchema, TxReadWriteSetSchema } from "../gen/ledger/rwset/rwset_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { newBlock } from "../protocol/block.ts";
import { goldenBlocks } from "../../tests/support/golden.ts";
import { openRecordedChannel } from "../../tests/support/recorded-channel.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { mutate, mutations } from "../../tests/support/mutations.ts";
import { buildTransaction, encodeResults } from "../../tests/support/transactions.ts";
import { type Validating, validatingAt } from "../../tests/support/validating.ts";
import { anyMemberPolicy } from "../validation/chaincode-rules.ts";

async function commit(fixture: Validating, transactions: readonly Uint8Array[]): Promise<string[]> {
  const { ledger, committer } = fixture.channel;
  const { height, currentBlockHash } = ledger.info();
  const block = newBlock(BigInt(height), currentBlockHash, transactions);
  const { flags } = await committer.commitBlock(block);
  assert.equal(ledger.info().height, height + 1);
  return [...flags].map((code) => TxValidationCode[code]);
}

/** A collection's write set as a simulation leaves it. */
function privateWrites(key: string, value: string): Uint8Array {
  return toBinary(
    KVRWSetSchema,
    create(KVRWSetSchema, { writes: [{ key, value: utf8(value) }] }),
  );
}

function privateSet(collectionName: string, rwset: Uint8Array) {
  return create(TxPvtReadWriteSetSchema, {
    nsPvtRwset: [{ namespace: "assetcc", collectionPvtRwset: [{ collectionName, rwset }] }],
  });
}

/** Results that write everything there is; the policy is a new key's, so that runs do not meet. */
function soundResults(clear: Uint8Array, policyKey: string): Uint8Array {
  const results = fromBinary(
    TxReadWriteSetSchema,
    encodeResults([
      {
        namespace: "assetcc",
        writes: { p1: "1", fresh: "2" },
        policies: { [policyKey]: anyMemberPolicy(["Org1MSP"]) },
        hashed: { both: ["k1"], org1only: ["o1"] },
      },
      { namespace: "othercc", writes: { x: "1" } },
    ]),
  );
  results.nsRwset[0].collectionHashedRwset[0].pvtRwsetHash = sha256(clear);
  return toBinary(TxReadWriteSetSchema, results);
}

Deno.test("properly signed transactions with damaged results are committed, whatever their flag", async () => {
  using fixture = await validatingAt(20);
  const { user1, org1, org2, channel } = fixture;
  const clear = privateWrites("k1", "secret");
  const oneByte = fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => [
    { kind: "set" as const, at, byte },
  ]);
  const seen = new Map<string, number>();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(oneByte, mutations), async (changes) => {
      const { txId, bytes } = buildTransaction({
        creator: user1,
        endorsers: [org1, org2],
        results: mutate(soundResults(clear, `s${++runs}`), changes),
      });
      channel.ledger.transientStore.persist(txId, 0, privateSet("both", clear));
      for (const code of await commit(fixture, [bytes])) seen.set(code, (seen.get(code) ?? 0) + 1);
    }),
    { numRuns: 400, seed: 1 },
  );
  assert.ok((seen.get("VALID") ?? 0) > 50, JSON.stringify([...seen]));
});

Deno.test("a set that promises one collection twice is committed with the first promise's data", async () => {
  using fixture = await validatingAt(20);
  const { user1, org1, org2, channel } = fixture;
  const [first, second] = [privateWrites("k1", "first"), privateWrites("k1", "second")];
  const results = fromBinary(
    TxReadWriteSetSchema,
    encodeResults([{ namespace: "assetcc", hashed: { both: ["k1"] } }]),
  );
  const [namespace] = results.nsRwset;
  const [promise] = namespace.collectionHashedRwset;
  namespace.collectionHashedRwset = [first, second].map((clear) => ({
    ...promise,
    pvtRwsetHash: sha256(clear),
  }));
  const { txId, bytes } = buildTransaction({
    creator: user1,
    endorsers: [org1, org2],
    results: toBinary(TxReadWriteSetSchema, results),
  });
  // One transaction id, two proposals: a client may do that.
  channel.ledger.transientStore.persist(txId, 0, privateSet("both", first));
  channel.ledger.transientStore.persist(txId, 0, privateSet("both", second));
  const height = channel.ledger.info().height;
  assert.deepEqual(await commit(fixture, [bytes]), ["VALID"]);
  const kept = channel.ledger.privateDataOfBlock(height).get(0);
  assert.deepEqual(
    kept?.nsPvtRwset.flatMap((set) => set.collectionPvtRwset.map(({ rwset }) => rwset)),
    [first],
  );
});

Deno.test("a configuration behind other transactions of its block takes effect too", async () => {
  using directory = temporaryDirectory();
  const [genesis, update] = goldenBlocks();
  using channel = openRecordedChannel(directory.path, genesis);
  const { ledger, committer } = channel;
  const { height, currentBlockHash } = ledger.info();
  const config = update.data?.data[0] ?? assert.fail();
  const sequence = channel.bundle().sequence;
  const block = newBlock(BigInt(height), currentBlockHash, [utf8("not a transaction"), config]);
  const { flags } = await committer.commitBlock(block);
  assert.deepEqual([...flags].map((code) => TxValidationCode[code]), [
    "INVALID_OTHER_REASON",
    "VALID",
  ]);
  assert.equal(channel.bundle().sequence, sequence + 1);
});
