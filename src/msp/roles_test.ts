import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { sha256 } from "../crypto/hash.ts";
import {
  CombinedPrincipalSchema,
  type MSPPrincipal,
  MSPPrincipal_Classification as Classification,
  MSPPrincipalSchema,
  MSPRole_MSPRoleType as Role,
  MSPRoleSchema,
  OrganizationUnitSchema,
} from "../gen/msp/msp_principal_pb.ts";
import { createMsp } from "./create-msp.ts";
import { nodeOuConfig, nodeOusMessage, type NodeRole } from "./node-ous.ts";
import { mspConfig, TestAuthority, type TestMember } from "./pki_testkit.ts";
import { serializeIdentity } from "./serialized-identity.ts";
import type { Identity, Msp } from "./types.ts";
import { type MspVersion, mspVersionOf } from "./version.ts";
import { FabricNodeOUsSchema } from "../gen/msp/msp_config_pb.ts";

const provider = createEcdsaProvider();
const root = TestAuthority.root();
const [client, peer, admin, orderer, both, none] = [
  root.member("client", ["client"]),
  root.member("peer", ["peer"]),
  root.member("admin", ["admin"]),
  root.member("orderer", ["orderer"]),
  root.member("both", ["client", "peer"]),
  root.member("none"),
];

function nodeOus(roles: readonly NodeRole[], certificate = new Uint8Array(0)) {
  return nodeOusMessage(true, new Map(roles.map((role) => [role, { name: role, certificate }])));
}

function msp(
  version: MspVersion,
  settings: Partial<Parameters<typeof mspConfig>[1]> = {},
): Msp {
  return createMsp(mspConfig("OrgMSP", { roots: [root], ...settings }), { provider, version });
}

function identityIn(one: Msp, member: TestMember): Identity {
  return one.deserializeIdentity(serializeIdentity("OrgMSP", member.pem));
}

function principal(classification: number, bytes: Uint8Array): MSPPrincipal {
  return create(MSPPrincipalSchema, { principalClassification: classification, principal: bytes });
}

function role(value: number, mspIdentifier = "OrgMSP"): MSPPrincipal {
  const message = create(MSPRoleSchema, { mspIdentifier, role: value });
  return principal(Classification.ROLE, toBinary(MSPRoleSchema, message));
}

function combined(...principals: MSPPrincipal[]): MSPPrincipal {
  const message = create(CombinedPrincipalSchema, { principals });
  return principal(Classification.COMBINED, toBinary(CombinedPrincipalSchema, message));
}

function satisfies(identity: Identity, wanted: MSPPrincipal): boolean {
  try {
    identity.satisfiesPrincipal(wanted);
    return true;
  } catch (thrown) {
    assert.equal(
      (thrown as { code?: string }).code?.endsWith("identity") ||
        (thrown as { code?: string }).code === "principal-not-satisfied",
      true,
    );
    return false;
  }
}

/** Which of member, admin, client, peer, orderer (4) an identity satisfies. */
function rolesOf(one: Msp, member: TestMember): string {
  const identity = identityIn(one, member);
  return [Role.MEMBER, Role.ADMIN, Role.CLIENT, Role.PEER, 4]
    .filter((value) => satisfies(identity, role(value)))
    .map((value) => "MACPO"[value]).join("");
}

Deno.test("the MSP version follows the channel's capabilities", () => {
  const none = { v1_1: false, v1_3: false, v1_4_2: false };
  assert.equal(mspVersionOf(none), "v1_0");
  assert.equal(mspVersionOf({ ...none, v1_1: true }), "v1_1");
  assert.equal(mspVersionOf({ ...none, v1_1: true, v1_3: true }), "v1_3");
  assert.equal(mspVersionOf({ ...none, v1_4_2: true }), "v1_3");
  assert.equal(mspVersionOf({ ...none, v1_4_2: true, v1_4_3: true }), "v1_4_3");
});

Deno.test("node OUs tell clients and peers apart from v1_1 on", () => {
  for (const version of ["v1_1", "v1_3"] as const) {
    const one = msp(version, {
      fabricNodeOus: nodeOus(["client", "peer"]),
      adminMembers: [client],
    });
    assert.equal(rolesOf(one, client), "MAC");
    assert.equal(rolesOf(one, root.member("other", ["client"])), "MC");
    assert.equal(rolesOf(one, peer), "MP");
    for (const invalid of [both, none, admin]) {
      assert.equal(rolesOf(one, invalid), "");
      assert.throws(() => identityIn(one, invalid).validate(), {
        message: /must be a client, a peer or an orderer identity to be valid, not a combination/,
      });
    }
  }
});

Deno.test("v1_0 knows no node OUs", () => {
  const one = msp("v1_0", { fabricNodeOus: nodeOus(["client", "peer"]), adminMembers: [none] });
  assert.equal(rolesOf(one, none), "MA");
  assert.equal(rolesOf(one, both), "M");
  assert.throws(() => identityIn(one, client).satisfiesPrincipal(role(Role.CLIENT)), {
    message:
      "The identity is not a [CLIENT] under this MSP [OrgMSP]: NodeOUs not activated. Cannot tell apart identities.",
  });
});

Deno.test("an administrator must be a client where node OUs are on", () => {
  assert.throws(
    () => msp("v1_1", { fabricNodeOus: nodeOus(["client", "peer"]), adminMembers: [peer] }),
    {
      message:
        "admin 0 is invalid: The identity is not a [CLIENT] under this MSP [OrgMSP]: The identity does not contain OU [CLIENT], MSP: [OrgMSP]",
    },
  );
});

Deno.test("a node OU may name the authority that has to certify it", () => {
  const [left, right] = [root.authority("left"), root.authority("right")];
  const one = msp("v1_3", {
    intermediateCerts: [utf8(left.pem), utf8(right.pem)],
    fabricNodeOus: nodeOus(["client", "peer"], utf8(left.pem)),
  });
  identityIn(one, left.member("c", ["client"])).validate();
  assert.throws(() => identityIn(one, right.member("c", ["client"])).validate(), {
    message:
      "could not validate identity's OUs: certifiersIdentifier does not match: [client], MSP: [OrgMSP]",
  });
  assert.throws(
    () => msp("v1_3", { fabricNodeOus: nodeOus(["client", "peer"], utf8(left.pem)) }),
    { message: /not in root or intermediate certs/ },
  );
});

Deno.test("from v1_4_3 on units also tell administrators and orderers", () => {
  const one = msp("v1_4_3", { fabricNodeOus: nodeOus(["client", "peer", "admin", "orderer"]) });
  assert.equal(rolesOf(one, client), "MC");
  assert.equal(rolesOf(one, peer), "MP");
  assert.equal(rolesOf(one, admin), "MA");
  assert.equal(rolesOf(one, orderer), "MO");
  assert.throws(() => identityIn(one, none).validate(), /does not have an OU that resolves to/);
  assert.throws(() => identityIn(one, both).validate(), /not a combination of them/);
  // The same configuration under an older channel: only certificates make administrators.
  const older = msp("v1_3", { fabricNodeOus: nodeOus(["client", "peer", "admin", "orderer"]) });
  assert.equal(rolesOf(older, admin), "");
  assert.equal(rolesOf(older, client), "MC");
  assert.throws(() => msp("v1_4_3", { fabricNodeOus: nodeOus(["client", "peer"]) }), {
    message: "administrators must be declared when no admin ou classification is set",
  });
});

Deno.test("identifiers of administrators and orderers survive the wire", () => {
  const sent = nodeOus(["client", "peer", "admin", "orderer"], utf8("pem"));
  const received = fromBinary(FabricNodeOUsSchema, toBinary(FabricNodeOUsSchema, sent));
  assert.deepEqual([...nodeOuConfig(received, true).keys()], [
    "client",
    "peer",
    "admin",
    "orderer",
  ]);
  assert.deepEqual(nodeOuConfig(received, true).get("admin"), {
    name: "admin",
    certificate: new Uint8Array(utf8("pem")),
  });
  assert.deepEqual([...nodeOuConfig(received, false).keys()], ["client", "peer"]);
});

Deno.test("where units are required a member needs one of them from the right authority", () => {
  const intermediate = root.authority("intermediate");
  const one = msp("v1_0", {
    intermediateCerts: [utf8(intermediate.pem)],
    organizationalUnitIdentifiers: [
      { organizationalUnitIdentifier: "sales", certificate: utf8(intermediate.pem) },
    ],
  });
  identityIn(one, intermediate.member("m", ["x", "sales"])).validate();
  assert.throws(() => identityIn(one, intermediate.member("m", ["x", "y"])).validate(), {
    message:
      "could not validate identity's OUs: none of the identity's organizational units [x y] are in MSP OrgMSP",
  });
  assert.throws(() => identityIn(one, intermediate.member("m")).validate(), {
    message:
      "could not validate identity's OUs: the identity certificate does not contain an Organizational Unit (OU)",
  });
});

Deno.test("roles of another MSP are never satisfied", () => {
  assert.throws(() => identityIn(msp("v1_3"), none).satisfiesPrincipal(role(0, "OtherMSP")), {
    message: "the identity is a member of a different MSP (expected OtherMSP, got OrgMSP)",
  });
});

Deno.test("an identity principal wants exactly this certificate", () => {
  const one = msp("v1_3");
  const wanted = principal(Classification.IDENTITY, serializeIdentity("OrgMSP", client.pem));
  assert.ok(satisfies(identityIn(one, client), wanted));
  assert.throws(() => identityIn(one, peer).satisfiesPrincipal(wanted), /identities do not match/);
  const broken = principal(Classification.IDENTITY, serializeIdentity("OrgMSP", "x"));
  assert.throws(() => identityIn(one, client).satisfiesPrincipal(broken), {
    message: /^invalid identity principal, not a certificate: could not decode the PEM structure$/,
  });
});

Deno.test("a unit principal wants the unit and its certifiers", () => {
  const one = msp("v1_3");
  const unit = (name: string, certifiersIdentifier: Uint8Array) =>
    principal(
      Classification.ORGANIZATION_UNIT,
      toBinary(
        OrganizationUnitSchema,
        create(OrganizationUnitSchema, {
          mspIdentifier: "OrgMSP",
          organizationalUnitIdentifier: name,
          certifiersIdentifier,
        }),
      ),
    );
  const identity = identityIn(one, both);
  assert.ok(satisfies(identity, unit("peer", sha256(root.der))));
  assert.ok(!satisfies(identity, unit("peer", sha256(none.der))));
  assert.ok(!satisfies(identity, unit("other", sha256(root.der))));
});

Deno.test("combined principals want all of them, from v1_3 on", () => {
  const member = role(Role.MEMBER);
  const same = principal(Classification.IDENTITY, serializeIdentity("OrgMSP", client.pem));
  const one = msp("v1_3");
  assert.ok(satisfies(identityIn(one, client), combined(member, combined(same, member))));
  assert.ok(!satisfies(identityIn(one, peer), combined(member, same)));
  assert.throws(() => identityIn(one, client).satisfiesPrincipal(combined()), {
    message: "No principals in CombinedPrincipal",
  });
  assert.throws(() => identityIn(msp("v1_1"), client).satisfiesPrincipal(combined(member)), {
    message: "invalid principal type 4",
  });
  let deep = member;
  for (let i = 0; i < 150; i++) deep = combined(deep);
  assert.ok(!satisfies(identityIn(one, client), deep));
});

Deno.test("anonymity: X.509 members are nominal, from v1_3 on", () => {
  const nominal = principal(Classification.ANONYMITY, new Uint8Array(0));
  const anonymous = principal(Classification.ANONYMITY, Uint8Array.of(8, 1));
  const identity = identityIn(msp("v1_3"), client);
  assert.ok(satisfies(identity, nominal));
  assert.ok(!satisfies(identity, anonymous));
  assert.ok(!satisfies(identityIn(msp("v1_1"), client), nominal));
});

Deno.test("unknown roles and classifications are refused", () => {
  const identity = identityIn(msp("v1_3"), client);
  assert.throws(() => identity.satisfiesPrincipal(role(9)), { message: "invalid MSP role type 9" });
  assert.throws(() => identity.satisfiesPrincipal(role(4)), { message: "invalid MSP role type 4" });
  assert.throws(() => identity.satisfiesPrincipal(principal(77, new Uint8Array(0))), {
    message: "invalid principal type 77",
  });
  assert.throws(() => identity.satisfiesPrincipal(principal(0, utf8("\xff"))), {
    message: /^could not unmarshal MSPRole from principal/,
  });
});
