import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { equal, text, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  type ConfigGroup,
  ConfigGroupSchema$,
  ConfigPolicySchema$,
} from "../gen/common/configtx_pb.ts";
import {
  ImplicitMetaPolicy_Rule as Rule,
  type Policy as PolicyMessage,
  PolicySchema,
  type SignaturePolicy,
  SignaturePolicyEnvelopeSchema,
} from "../gen/common/policies_pb.ts";
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import type { Identity, IdentityDeserializer } from "../msp/types.ts";
import {
  acceptAll,
  nOutOf,
  policyBytes,
  policyEnvelope,
  rejectAll,
  Role,
  rolePrincipal,
  signedBy,
} from "./envelopes.ts";
import { implicitMetaPolicy } from "./implicit-meta-policy.ts";
import { parsePolicy } from "./parse-policy.ts";
import { createPolicyManager, policyOrReject } from "./policy-manager.ts";
import { compileSignaturePolicy, signaturePolicyFromBytes } from "./signature-policy.ts";
import { signatureChecks } from "./signature-set.ts";
import type { SignedData } from "./types.ts";

/** Identities of tests are their names: `Org1/alice`; a signature is `good` or it is not. */
class FakeMembers implements IdentityDeserializer {
  verifications = 0;

  deserializeIdentity(serialized: Uint8Array): Identity {
    const [mspId, name] = text(serialized).split("/");
    if (!name) throw new DenimError("malformed-identity", "not an identity");
    const key = { curve: "P-256" as const, point: serialized, spki: serialized };
    return {
      mspId,
      id: name,
      serialized,
      certificate: serialized,
      expiresAt: 0,
      validate() {},
      verify: (_message, signature) => {
        this.verifications++;
        return text(signature) === "good";
      },
      signatureCheck: (message, signature) => ({ key, digest: message, signature }),
      satisfiesPrincipal: ({ principal }: MSPPrincipal) => {
        const role = name.startsWith("admin") ? Role.ADMIN : Role.MEMBER;
        const roles = role === Role.ADMIN ? [Role.ADMIN, Role.MEMBER] : [role];
        if (!roles.some((one) => equal(rolePrincipal(mspId, one).principal, principal))) {
          throw new DenimError("principal-not-satisfied", "no");
        }
      },
    };
  }
}

const members = new FakeMembers();

function signed(...signers: string[]): SignedData[] {
  return signers.map((signer) => {
    const [identity, signature = "good"] = signer.split(":");
    return { data: utf8("data"), identity: utf8(identity), signature: utf8(signature) };
  });
}

function holds(policy: { evaluate(signed: SignedData[]): void }, ...signers: string[]): boolean {
  try {
    policy.evaluate(signed(...signers));
    return true;
  } catch (thrown) {
    assert.equal((thrown as DenimError).code, "policy-not-satisfied");
    return false;
  }
}

const policy = (expression: string) => compileSignaturePolicy(parsePolicy(expression), members);

Deno.test("AND wants both, OR wants one, OutOf wants n", () => {
  const and = policy("AND('A.member', 'B.member')");
  assert.ok(holds(and, "A/x", "B/y"));
  assert.ok(holds(and, "B/y", "A/x"));
  assert.ok(!holds(and, "A/x"));
  const or = policy("OR('A.member', 'B.member')");
  assert.ok(holds(or, "B/y"));
  assert.ok(!holds(or, "C/z"));
  assert.ok(!holds(or));
  const two = policy("OutOf(2, 'A.member', 'B.member', 'C.member')");
  assert.ok(holds(two, "C/z", "A/x"));
  assert.ok(!holds(two, "C/z"));
  assert.ok(!holds(policy("OutOf(3, 'A.member', 'B.member')"), "A/x", "B/y", "A/z"));
});

Deno.test("no identity counts twice, however often it signs", () => {
  const two = policy("AND('A.member', 'A.member')");
  assert.ok(!holds(two, "A/x"));
  assert.ok(!holds(two, "A/x", "A/x"));
  assert.ok(holds(two, "A/x", "A/y"));
});

Deno.test("of two signatures of one identity the first one counts, even if it is bad", () => {
  assert.ok(!holds(policy("OR('A.member')"), "A/x:bad", "A/x"));
  assert.ok(holds(policy("OR('A.member')"), "A/x", "A/x:bad"));
});

Deno.test("bad signatures and unreadable identities are as if they were not there", () => {
  const and = policy("AND('A.member', 'B.member')");
  assert.ok(!holds(and, "A/x", "B/y:bad"));
  assert.ok(holds(and, "garbage", "A/x", "B/z:bad", "B/y"));
});

Deno.test("principals are served in order and an identity stays with the first that takes it", () => {
  // The administrator comes first and is spent on the member's place.
  const memberFirst = policy("AND('A.member', 'A.admin')");
  assert.ok(!holds(memberFirst, "A/admin", "A/x"));
  assert.ok(holds(memberFirst, "A/x", "A/admin"));
  assert.ok(holds(policy("AND('A.admin', 'A.member')"), "A/admin", "A/x"));
});

Deno.test("a gate that fails gives back the identities it tried", () => {
  const nested = policy("OutOf(1, AND('A.member', 'B.member'), 'A.member')");
  assert.ok(holds(nested, "A/x"));
  // A gate that holds keeps what it used, even where it was not needed.
  const spent = policy("OutOf(2, 'A.member', OR('A.member'), 'B.member')");
  assert.ok(!holds(spent, "A/x"));
  assert.ok(holds(spent, "A/x", "A/y"));
});

Deno.test("verified identities give the same outcome, and the refusal names who signed", () => {
  const and = policy("AND('A.member', 'B.member')");
  const [a, b] = ["A/x", "B/y"].map((name) => members.deserializeIdentity(utf8(name)));
  and.evaluateIdentities([a, b]);
  assert.throws(() => and.evaluateIdentities([a, a]), {
    message: "signature set did not satisfy policy",
    facts: { policy: "AND('A.member', 'B.member')", signers: ["A:x"] },
  });
});

Deno.test("batch checks leave out the same identities", () => {
  const { identities, checks } = signatureChecks(
    signed("A/x:bad", "garbage", "A/x", "B/y"),
    members,
  );
  assert.deepEqual(identities.map(({ id }) => id), ["x", "y"]);
  assert.deepEqual(checks.map(({ signature }) => text(signature)), ["bad", "good"]);
});

/** Fabric's evaluation in the plainest words, to compare with. */
function reference(rule: SignaturePolicy, names: string[], used: boolean[]): boolean {
  if (rule.Type.case === "signedBy") {
    const wanted = "ABC"[rule.Type.value];
    const index = names.findIndex((name, i) => !used[i] && name[0] === wanted);
    if (index >= 0) used[index] = true;
    return index >= 0;
  }
  if (rule.Type.case !== "nOutOf") return assert.fail();
  let count = 0;
  for (const one of rule.Type.value.rules) {
    const attempt = [...used];
    if (!reference(one, names, attempt)) continue;
    count++;
    attempt.forEach((value, i) => used[i] = value);
  }
  return count >= rule.Type.value.n;
}

Deno.test("random policies and signers: the outcome is that of the plain algorithm", () => {
  const { rule } = fc.letrec<{ rule: SignaturePolicy }>((tie) => ({
    rule: fc.oneof(
      { maxDepth: 3 },
      fc.nat(2).map(signedBy),
      fc.tuple(fc.nat(3), fc.array(tie("rule"), { maxLength: 4 }))
        .map(([n, rules]) => nOutOf(n, rules)),
    ),
  }));
  const names = fc.uniqueArray(
    fc.tuple(fc.constantFrom("A", "B", "C"), fc.constantFrom("x", "y", "z")).map((p) =>
      p.join("/")
    ),
  );
  fc.assert(
    fc.property(rule, names, (one, signers) => {
      const envelope = policyEnvelope(
        one,
        ["A", "B", "C"].map((id) => rolePrincipal(id, Role.MEMBER)),
      );
      const compiled = compileSignaturePolicy(envelope, members);
      const expected = reference(one, signers, signers.map(() => false));
      assert.equal(holds(compiled, ...signers), expected);
    }),
    { numRuns: 500 },
  );
});

Deno.test("policies that make no sense are refused with Fabric's words", () => {
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /^Empty policy element$/],
    [Uint8Array.of(0x12, 0), /^Unknown type: <nil>:<nil>$/],
    [Uint8Array.of(0x08, 1), /only understands messages of version 0, but version was 1$/],
    [utf8("garbage"), /^Error unmarshaling to SignaturePolicy/],
    [
      policyBytes(policyEnvelope(signedBy(1), [rolePrincipal("A", Role.MEMBER)])),
      /^identity index out of range, requested 1, but identities length is 1$/,
    ],
    [policyBytes(policyEnvelope(signedBy(-1), [])), /requested -1, but identities length is 0$/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => signaturePolicyFromBytes(bytes, members), { code: "bad-policy", message });
  }
});

Deno.test("hostile nesting is refused", () => {
  let rule = signedBy(0);
  for (let i = 0; i < 3000; i++) rule = nOutOf(1, [rule]);
  const envelope = policyEnvelope(rule, [rolePrincipal("A", Role.MEMBER)]);
  assert.throws(() => compileSignaturePolicy(envelope, members), /nested too deeply/);
});

function signaturePolicy(expression: string): PolicyMessage {
  return create(PolicySchema, { type: 1, value: policyBytes(parsePolicy(expression)) });
}

function group(
  policies: Record<string, PolicyMessage>,
  groups: Record<string, ConfigGroup> = {},
): ConfigGroup {
  const configured = Object.entries(policies)
    .map(([name, one]) => [name, create(ConfigPolicySchema$, { policy: one })]);
  return create(ConfigGroupSchema$, { groups, policies: Object.fromEntries(configured) });
}

const org = (mspId: string) => group({ Writers: signaturePolicy(`OR('${mspId}.member')`) });
const channel = createPolicyManager(
  group({ Writers: implicitMetaPolicy("Writers", Rule.ANY) }, {
    Application: group({
      Writers: implicitMetaPolicy("Writers", Rule.ANY),
      Most: implicitMetaPolicy("Writers", Rule.MAJORITY),
      All: implicitMetaPolicy("Writers", Rule.ALL),
      Absent: implicitMetaPolicy("Nothing", Rule.ANY),
    }, { A: org("A"), B: org("B"), C: org("C"), D: group({}) }),
    Empty: group({
      Any: implicitMetaPolicy("Writers", Rule.ANY),
      All: implicitMetaPolicy("Writers", Rule.ALL),
      Most: implicitMetaPolicy("Writers", Rule.MAJORITY),
    }),
  }),
  members,
);

Deno.test("implicit meta policies count the groups below", () => {
  const at = (name: string) => policyOrReject(channel, `/Channel/Application/${name}`);
  assert.ok(holds(at("Writers"), "C/x"));
  assert.ok(holds(at("Most"), "A/x", "B/x", "C/x"));
  assert.ok(!holds(at("Most"), "A/x", "B/x"));
  // D has no such policy: it counts, and is never satisfied.
  assert.ok(!holds(at("All"), "A/x", "B/x", "C/x"));
  assert.throws(() => at("Most").evaluate(signed("A/x", "B/x")), {
    message:
      "implicit policy evaluation failed - 2 sub-policies were satisfied, but this policy requires 3 of the 'Writers' sub-policies to be satisfied",
  });
  assert.throws(() => at("Absent").evaluate(signed("A/x")), {
    message:
      "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the 'Nothing' sub-policies to be satisfied",
  });
  assert.ok(holds(policyOrReject(channel, "/Channel/Writers"), "B/x"));
});

Deno.test("without groups below an implicit meta policy asks for nothing", () => {
  for (const name of ["Any", "All", "Most"]) {
    assert.ok(holds(policyOrReject(channel, `/Channel/Empty/${name}`)));
  }
});

Deno.test("a signature is checked once, however many sub-policies look at it", () => {
  members.verifications = 0;
  assert.ok(!holds(policyOrReject(channel, "/Channel/Application/All"), "A/x", "A/y"));
  assert.equal(members.verifications, 1);
});

Deno.test("policies are found by absolute and relative path, through sub-managers too", () => {
  const application = channel.manager(["Application"]) ?? assert.fail();
  const a = channel.manager(["Application", "A"]) ?? assert.fail();
  const same = channel.policy("/Channel/Application/A/Writers");
  assert.ok(same);
  assert.equal(channel.policy("Application/A/Writers"), same);
  assert.equal(application.policy("A/Writers"), same);
  assert.equal(application.policy("/Channel/Application/A/Writers"), same);
  assert.equal(a.policy("Writers"), same);
  assert.equal(channel.manager([]), channel);
  assert.equal(channel.manager(["Application", "Z"]), undefined);
  // A manager does not answer for what lies above it.
  assert.equal(a.policy("/Channel/Writers"), undefined);
  for (const path of ["", "/", "/Channel", "/Channel/", "/Other/Writers", "Application"]) {
    assert.equal(channel.policy(path), undefined, path);
  }
});

Deno.test("a policy that does not exist refuses with its name", () => {
  assert.throws(() => policyOrReject(channel, "/Channel/Nope").evaluate(signed("A/x")), {
    code: "policy-not-satisfied",
    message: "No such policy: 'Nope'",
  });
  assert.throws(() => policyOrReject(channel, "/Other/Nope").evaluate(signed("A/x")), {
    message: "No such policy: '/Other/Nope'",
  });
});

Deno.test("a tree with a policy that does not compile is refused, naming it", () => {
  const cases: [PolicyMessage | undefined, RegExp][] = [
    [undefined, /^policy P at path Channel\/G was nil$/],
    [create(PolicySchema, { type: 2 }), /^policy P at path Channel\/G has unknown policy type: 2$/],
    [
      create(PolicySchema, { type: 1, value: utf8("garbage") }),
      /^policy P at path Channel\/G did not compile: Error unmarshaling to SignaturePolicy/,
    ],
    [
      create(PolicySchema, { type: 3, value: utf8("garbage") }),
      /^implicit policy P at path Channel\/G did not compile: Error unmarshaling to ImplicitMeta/,
    ],
  ];
  for (const [broken, message] of cases) {
    const below = group({});
    below.policies.P = create(ConfigPolicySchema$, broken ? { policy: broken } : {});
    assert.throws(() => createPolicyManager(group({}, { G: below }), members), { message });
  }
});

Deno.test("an implicit meta rule nobody knows is never satisfied", () => {
  const unknown = implicitMetaPolicy("Writers", 9 as Rule);
  const manager = createPolicyManager(group({ P: unknown }, { A: org("A") }), members);
  assert.ok(!holds(policyOrReject(manager, "P"), "A/x"));
});

Deno.test("accept-all and reject-all do what they say", () => {
  const compiled = (envelope: ReturnType<typeof acceptAll>) =>
    signaturePolicyFromBytes(toBinary(SignaturePolicyEnvelopeSchema, envelope), members);
  assert.ok(holds(compiled(acceptAll())));
  assert.ok(!holds(compiled(rejectAll()), "A/x"));
});
