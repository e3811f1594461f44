import assert from "node:assert/strict";
import fc from "fast-check";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { goldenBlocks } from "../../tests/support/golden.ts";
import { buildTransaction, encodeResults } from "../../tests/support/transactions.ts";
import { validatingAt } from "../../tests/support/validating.ts";
import { anyMemberPolicy } from "./chaincode-rules.ts";

/** Overwrites, cuts and repeats: what a hostile or broken sender does to bytes. */
const mutations = fc.array(
  fc.record({
    kind: fc.constantFrom("set", "cut", "double", "insert"),
    at: fc.nat(),
    byte: fc.nat(255),
  }),
  { minLength: 1, maxLength: 4 },
);

type Mutation = { kind: string; at: number; byte: number };

function mutate(bytes: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  let result = bytes.slice();
  for (const { kind, at, byte } of changes) {
    if (result.length === 0) break;
    const place = at % result.length;
    if (kind === "set") result[place] = byte;
    else if (kind === "cut") result = result.slice(0, place);
    else if (kind === "double") {
      result = Uint8Array.from([...result, ...result.slice(place)]);
    } else result = Uint8Array.from([...result.slice(0, place), byte, ...result.slice(place)]);
  }
  return result;
}

Deno.test("recorded transactions with damage get a flag each, and leave their neighbours alone", async () => {
  using fixture = await validatingAt(20);
  const { user1, org1, org2 } = fixture;
  const recorded = goldenBlocks().flatMap((block) => block.data?.data ?? []);
  const good = () =>
    buildTransaction({
      creator: user1,
      endorsers: [org1, org2],
      sets: [{ namespace: "assetcc", writes: { good: "1" } }],
    }).bytes;
  await fc.assert(
    fc.asyncProperty(fc.nat(recorded.length - 1), mutations, async (index, changes) => {
      const codes = await fixture.codes([mutate(recorded[index], changes), good()]);
      assert.equal(codes.length, 2);
      assert.ok(codes.every((code) => code !== undefined && code !== "NOT_VALIDATED"));
      assert.equal(codes[1], "VALID");
    }),
    { numRuns: 300 },
  );
});

Deno.test("properly signed transactions with damaged insides get a flag each", async () => {
  using fixture = await validatingAt(20);
  const { user1, org1, org2 } = fixture;
  const results = encodeResults([
    {
      namespace: "assetcc",
      writes: { p1: "1", fresh: "2" },
      policies: { s1: anyMemberPolicy(["Org1MSP"]) },
      hashed: { both: ["k1"], org1only: ["o1"] },
    },
    { namespace: "othercc", writes: { x: "1" } },
  ]);
  await fc.assert(
    fc.asyncProperty(mutations, fc.boolean(), async (changes, lscc) => {
      const damaged = mutate(results, changes);
      const codes = await fixture.codes([
        buildTransaction({
          creator: user1,
          endorsers: [org1, org2],
          ...(lscc
            ? { chaincode: "lscc", args: ["deploy", "mychannel", damaged, damaged] }
            : { results: damaged }),
        }).bytes,
      ]);
      assert.notEqual(codes[0], undefined);
      assert.notEqual(codes[0], TxValidationCode[TxValidationCode.NOT_VALIDATED]);
      // Signatures and structure are right, so only the insides can be blamed.
      assert.notEqual(codes[0], TxValidationCode[TxValidationCode.BAD_CREATOR_SIGNATURE]);
    }),
    { numRuns: 200 },
  );
});
