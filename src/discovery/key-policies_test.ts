/** What interests of Fabric 2.x may say besides names and collections. */
import assert from "node:assert/strict";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import {
  type SignaturePolicyEnvelope,
  SignaturePolicyEnvelopeSchema,
} from "../gen/common/policies_pb.ts";
import { type ChaincodeCallSchema, ChaincodeInterestSchema } from "../gen/discovery/protocol_pb.ts";
import { EnvelopeSchema } from "../gen/gossip/message_pb.ts";
import { MSPRoleSchema } from "../gen/msp/msp_principal_pb.ts";
import { parsePolicy } from "../policy/parse-policy.ts";
import { tryDecode } from "../protocol/decode.ts";
import { createEndorsementPlanner, maxKeyPolicies } from "./endorsement-planner.ts";
import type { PeerMember } from "./types.ts";

const policyOf = (expression: string): SignaturePolicyEnvelope => parsePolicy(expression);
const both = policyOf("AND('Org1MSP.member','Org2MSP.member')");
const onlyOrg1 = policyOf("OR('Org1MSP.member')");
const onlyOrg2 = policyOf("OR('Org2MSP.member')");

const collections = toBinary(
  CollectionConfigPackageSchema,
  create(CollectionConfigPackageSchema, {
    config: [{
      payload: {
        case: "staticCollectionConfig",
        value: {
          name: "org1",
          memberOrgsPolicy: { payload: { case: "signaturePolicy", value: onlyOrg1 } },
        },
      },
    }],
  }),
);

function member(mspId: string): PeerMember {
  return {
    mspId,
    endpoint: `${mspId}:7051`,
    identity: utf8(mspId),
    pkiId: utf8(mspId),
    ledgerHeight: 1n,
    chaincodes: [{ name: "cc", version: "1" }],
    membership: create(EnvelopeSchema),
    local: mspId === "Org1MSP",
  };
}

const peers = ["Org1MSP", "Org2MSP", "Org3MSP"].map(member);

/** The organisations of each layout for a chaincode under this policy. */
function layouts(
  policy: SignaturePolicyEnvelope,
  ...calls: MessageInitShape<typeof ChaincodeCallSchema>[]
): string[] {
  const planner = createEndorsementPlanner({
    membership: { localPeers: () => peers, channelPeers: () => peers },
    chaincodes: {
      metadata: (_, name, withCollections) => ({
        name,
        version: "1",
        policy: toBinary(SignaturePolicyEnvelopeSchema, policy),
        collections: withCollections ? collections : new Uint8Array(),
      }),
    },
    satisfies: (_, identity, { principal }) =>
      tryDecode(MSPRoleSchema, principal)?.mspIdentifier === new TextDecoder().decode(identity),
  });
  const plan = planner.plan("ch", create(ChaincodeInterestSchema, { chaincodes: calls }));
  return plan.layouts.map((layout) =>
    Object.keys(layout).map((group) => plan.groups.get(group)?.map(({ mspId }) => mspId).join("|"))
      .toSorted().join("+")
  ).toSorted();
}

Deno.test("policies of keys must be satisfied besides the chaincode's", () => {
  assert.deepEqual(layouts(onlyOrg1, { name: "cc" }), ["Org1MSP"]);
  assert.deepEqual(layouts(onlyOrg1, { name: "cc", keyPolicies: [onlyOrg2] }), ["Org1MSP+Org2MSP"]);
  assert.deepEqual(
    layouts(onlyOrg1, { name: "cc", keyPolicies: [both, onlyOrg2, both] }),
    ["Org1MSP+Org2MSP"],
  );
});

Deno.test("where every key has a policy, the chaincode's does not count", () => {
  const call = { name: "cc", disregardNamespacePolicy: true };
  assert.deepEqual(layouts(both, { ...call, keyPolicies: [onlyOrg2] }), ["Org2MSP"]);
  assert.throws(() => layouts(both, call), {
    message: /^requested to disregard chaincode cc's policy but key and collection policies are/,
  });
});

Deno.test("a collection that is only written does not exclude endorsers", () => {
  const call = { name: "cc", collectionNames: ["org1"] };
  assert.throws(() => layouts(both, call), { code: "no-endorsers" });
  assert.deepEqual(layouts(both, { ...call, noPrivateReads: true }), ["Org1MSP+Org2MSP"]);
});

Deno.test("an interest has a limited number of different key policies", () => {
  const keyPolicies = Array.from(
    { length: maxKeyPolicies + 1 },
    (_, version) => create(SignaturePolicyEnvelopeSchema, { ...both, version }),
  );
  assert.throws(() => layouts(both, { name: "cc", keyPolicies }), { code: "interest-too-large" });
});
