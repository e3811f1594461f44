import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import { ReadWriteSetBuilder } from "../ledger/rwset/builder.ts";
import { chaincodeInterest, type InterestSource } from "./chaincode-interest.ts";
import { withWorld } from "./endorser_testkit.ts";

const policy = create(SignaturePolicyEnvelopeSchema, { version: 7 });
const underPolicy = new Map([[
  "VALIDATION_PARAMETER",
  toBinary(SignaturePolicyEnvelopeSchema, policy),
]]);

/** The interest of a record; keys whose name begins with `own` have a policy. */
function interestOf(
  record: (builder: ReadWriteSetBuilder) => void,
  privateReads: InterestSource["privateReads"] = new Map(),
) {
  const builder = new ReadWriteSetBuilder();
  record(builder);
  const { chaincodes } = chaincodeInterest({
    namespaces: builder.build().namespaces,
    privateReads,
    state: () => ({
      getStateMetadata: (_, key) => key.startsWith("own") ? underPolicy : undefined,
      getPrivateDataMetadataByHash: (_, collection) =>
        collection === "keyed" ? underPolicy : undefined,
    }),
    isSystemChaincode: (name) => name === "lscc",
  });
  return chaincodes.map((call) => ({
    name: call.name,
    ...call.collectionNames.length > 0 && {
      collections: call.collectionNames,
      noPrivateReads: call.noPrivateReads,
    },
    ...call.keyPolicies.length > 0 && { policies: call.keyPolicies.map(({ version }) => version) },
    ...call.disregardNamespacePolicy && { disregard: true },
  }));
}

const value = utf8("v");

Deno.test("chaincodes that are read or written are called, system chaincodes are not", () => {
  assert.deepEqual(
    interestOf((set) => {
      set.addRead("lscc", "b", undefined);
      set.addRead("b", "k", undefined);
      set.addWrite("a", "k", value);
    }),
    [{ name: "a" }, { name: "b" }],
  );
});

Deno.test("keys with policies of their own make the chaincode's count only for the others", () => {
  const own = (set: ReadWriteSetBuilder) => {
    set.addWrite("a", "own1", value);
    set.addMetadataWrite("a", "own2", underPolicy);
  };
  assert.deepEqual(interestOf(own), [{ name: "a", policies: [7, 7], disregard: true }]);
  const mixed = (set: ReadWriteSetBuilder) => {
    own(set);
    set.addWrite("a", "k", value);
  };
  assert.deepEqual(interestOf(mixed), [{ name: "a", policies: [7, 7] }]);
});

Deno.test("a collection that is only written does not need members", () => {
  const write = (set: ReadWriteSetBuilder) => set.addPrivateWrite("a", "secret", "k", value);
  const secret = { name: "a", collections: ["secret"] };
  assert.deepEqual(interestOf(write), [{ ...secret, noPrivateReads: true }]);
  assert.deepEqual(interestOf(write, new Map([["a", new Set(["secret"])]])), [
    { ...secret, noPrivateReads: false },
  ]);
  assert.deepEqual(
    interestOf((set) => set.addHashedRead("a", "secret", "k", undefined)),
    [{ name: "a" }],
    "a hash alone is no private read",
  );
});

Deno.test("where private reads are not known, recorded hashes count as such", () => {
  const read = (set: ReadWriteSetBuilder) => {
    set.addHashedRead("a", "read", "k", undefined);
    set.addPrivateWrite("a", "written", "k", value);
  };
  const builder = new ReadWriteSetBuilder();
  read(builder);
  const { chaincodes } = chaincodeInterest({
    namespaces: builder.build().namespaces,
    privateReads: undefined,
    state: () => ({
      getStateMetadata: () => undefined,
      getPrivateDataMetadataByHash: () => undefined,
    }),
    isSystemChaincode: () => false,
  });
  assert.deepEqual(
    chaincodes.map(({ collectionNames, noPrivateReads }) => [...collectionNames, noPrivateReads]),
    [["written", true], ["read", false]],
  );
});

Deno.test("a collection of keys with policies is under those, not under the chaincode's", () => {
  assert.deepEqual(interestOf((set) => set.addPrivateWrite("a", "keyed", "k", value)), [
    { name: "a", policies: [7], disregard: true },
  ]);
});

Deno.test("an endorsed proposal says what it touched; reads of clear data are told apart", async () => {
  await withWorld(async ({ processor, propose }) => {
    const calls = async (...args: string[]) => {
      const { interest } = await processor().process(propose(...args));
      return interest?.chaincodes.map(({ name, collectionNames, noPrivateReads }) => [
        name,
        collectionNames,
        noPrivateReads,
      ]);
    };
    assert.deepEqual(await calls("get", "p1"), [["assetcc", [], false]]);
    assert.deepEqual(await calls("pvtput", "both", "k", "v"), [["assetcc", ["both"], true]]);
    assert.deepEqual(await calls("pvtbump", "both", "k3", "v"), [["assetcc", ["both"], false]]);
    // Key k1 of the recording has a policy of its own.
    assert.deepEqual(await calls("pvtbump", "both", "k1", "v"), [
      ["assetcc", [], false],
      ["assetcc", ["both"], false],
    ]);
    assert.deepEqual(await calls("pvthash", "both", "k1"), [["assetcc", [], false]]);
    assert.equal(await calls("error", "as asked"), undefined);
  });
});
