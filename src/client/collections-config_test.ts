import assert from "node:assert/strict";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { DenimError } from "../base/errors.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import { parsePolicy } from "../policy/parse-policy.ts";
import { parseCollectionsConfig } from "./collections-config.ts";

const collection = {
  name: "secrets",
  policy: "OR('Org1MSP.member','Org2MSP.member')",
  requiredPeerCount: 1,
  maxPeerCount: 2,
  blockToLive: 1_000_000,
  memberOnlyRead: true,
};

function parsed(list: unknown) {
  const { config } = fromBinary(
    CollectionConfigPackageSchema,
    parseCollectionsConfig(JSON.stringify(list)),
  );
  return config.map(({ payload }) => {
    assert.equal(payload.case, "staticCollectionConfig");
    return payload.value;
  });
}

Deno.test("a list becomes the package that lscc stores, in its order", () => {
  const [first, second] = parsed([collection, { name: "b", policy: collection.policy }]);
  assert.equal(first.name, "secrets");
  assert.equal(first.requiredPeerCount, 1);
  assert.equal(first.maximumPeerCount, 2);
  assert.equal(first.blockToLive, 1_000_000n);
  assert.equal(first.memberOnlyRead, true);
  const policy = first.memberOrgsPolicy?.payload;
  assert.equal(policy?.case, "signaturePolicy");
  assert.deepEqual(
    toBinary(SignaturePolicyEnvelopeSchema, policy.value),
    toBinary(SignaturePolicyEnvelopeSchema, parsePolicy(collection.policy)),
  );
  assert.equal(second.name, "b");
  assert.equal(second.requiredPeerCount, 0);
  assert.equal(second.blockToLive, 0n);
  assert.equal(second.memberOnlyRead, false);
});

Deno.test("names of fields compare without case and unknown ones are passed over", () => {
  const [only] = parsed([{ NAME: "x", Policy: collection.policy, MAXPEERCOUNT: 3, other: {} }]);
  assert.equal(only.name, "x");
  assert.equal(only.maximumPeerCount, 3);
});

Deno.test("mistakes are named, with an example of a good file", () => {
  const bad = (change: Record<string, unknown>) => [{ ...collection, ...change }];
  const refused: [unknown, RegExp][] = [
    [{}, /expected a list/],
    [[1], /not an object/],
    [[[]], /not an object/],
    [bad({ policy: "OR('Org1MSP.member'" }), /invalid policy OR\('Org1MSP\.member'/],
    [[{ name: "x" }], /invalid policy/],
    [bad({ name: 1 }), /name is not a string/],
    [bad({ requiredPeerCount: "1" }), /requiredPeerCount is not a whole number/],
    [bad({ maxPeerCount: 1.5 }), /maxPeerCount is not a whole number/],
    [bad({ maxPeerCount: 2 ** 31 }), /maxPeerCount 2147483648 is out of range/],
    [bad({ blockToLive: -1 }), /blockToLive is negative/],
    [bad({ memberOnlyRead: "yes" }), /memberOnlyRead is not true or false/],
  ];
  for (const [list, message] of refused) {
    assert.throws(() => parseCollectionsConfig(JSON.stringify(list)), (error) => {
      assert.ok(error instanceof DenimError && error.code === "malformed-collections");
      assert.match(error.message, /^could not parse the collection configuration: /);
      assert.match(error.message, message);
      assert.match(error.hint ?? "", /"memberOnlyRead":true/);
      return true;
    });
  }
  assert.throws(() => parseCollectionsConfig("[{"), { code: "malformed-collections" });
});

Deno.test("any JSON is read or refused as malformed", () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null));
  const item = fc.record({
    name: value,
    policy: fc.oneof(fc.constant(collection.policy), value),
    requiredPeerCount: value,
    maxPeerCount: value,
    blockToLive: value,
    memberOnlyRead: value,
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.array(item).map((l) => JSON.stringify(l))), (json) => {
      try {
        parseCollectionsConfig(json);
      } catch (error) {
        assert.ok(error instanceof DenimError && error.code === "malformed-collections");
      }
    }),
  );
});
