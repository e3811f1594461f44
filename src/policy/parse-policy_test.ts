import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { goldenBlocks, goldenState } from "../../tests/support/golden.ts";
import { fromBase64, hex } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { MSPRoleSchema } from "../gen/msp/msp_principal_pb.ts";
import type { SignaturePolicy, SignaturePolicyEnvelope } from "../gen/common/policies_pb.ts";
import { decodeChaincodeData } from "../protocol/chaincode-data.ts";
import {
  acceptAll,
  nOutOf,
  policyBytes,
  policyEnvelope,
  rejectAll,
  Role,
  rolePrincipal,
  signedBy,
  signedByAnyAdmin,
  signedByAnyMember,
  signedByMspMember,
} from "./envelopes.ts";
import { channelGroup } from "./golden_testkit.ts";
import { implicitMetaPolicy, parseImplicitMeta } from "./implicit-meta-policy.ts";
import { parsePolicy } from "./parse-policy.ts";
import { policyToString } from "./policy-to-string.ts";

const member = (mspId: string) => rolePrincipal(mspId, Role.MEMBER);

function principalsOf({ identities }: SignaturePolicyEnvelope): string[] {
  return identities.map(({ principal }) => {
    const { mspIdentifier, role } = fromBinary(MSPRoleSchema, principal);
    return `${mspIdentifier}.${Role[role].toLowerCase()}`;
  });
}

Deno.test("policies that configtxgen wrote are reproduced byte for byte", () => {
  const { groups } = channelGroup(goldenBlocks()[0]);
  const expected: [string, string, string][] = [];
  for (const org of ["Org1MSP", "Org2MSP"]) {
    expected.push(
      [org, "Readers", `OR('${org}.admin', '${org}.peer', '${org}.client')`],
      [org, "Writers", `OR('${org}.admin', '${org}.client')`],
      [org, "Admins", `OR('${org}.admin')`],
    );
  }
  for (const [org, name, expression] of expected) {
    const recorded = groups.Application.groups[org].policies[name].policy?.value;
    assert.deepEqual(policyBytes(parsePolicy(expression)), recorded, `${org} ${name}`);
  }
  for (const [name, text] of [["Readers", "ANY Readers"], ["Admins", "MAJORITY Admins"]]) {
    const { rule, subPolicy } = parseImplicitMeta(text);
    const recorded = groups.Application.policies[name].policy;
    assert.deepEqual(implicitMetaPolicy(subPolicy, rule).value, recorded?.value, name);
    assert.equal(implicitMetaPolicy(subPolicy, rule).type, recorded?.type);
  }
});

Deno.test("endorsement policies that the peer command wrote are reproduced byte for byte", () => {
  const expected: Record<string, string> = {
    assetcc: "AND('Org1MSP.member','Org2MSP.member')",
    othercc: "AND('Org1MSP.member','Org2MSP.member')",
  };
  for (const [name, expression] of Object.entries(expected)) {
    const entry = goldenState().find(({ namespace, key }) => namespace === "lscc" && key === name);
    const { policy } = decodeChaincodeData(fromBase64(entry?.valueBase64 ?? assert.fail(name)));
    assert.equal(hex(policyBytes(parsePolicy(expression))), hex(policy), name);
  }
});

Deno.test("identities are numbered as gates close, inner gates first", () => {
  const mixed = parsePolicy("OR('A.member', AND('B.member', 'C.member'))");
  assert.deepEqual(principalsOf(mixed), ["B.member", "C.member", "A.member"]);
  assert.deepEqual(
    policyBytes(mixed),
    policyBytes(policyEnvelope(
      nOutOf(1, [signedBy(2), nOutOf(2, [signedBy(0), signedBy(1)])]),
      [member("B"), member("C"), member("A")],
    )),
  );
  const two = parsePolicy("OR(AND('A.member', 'B.member'), OR('C.admin', 'D.member'))");
  assert.deepEqual(principalsOf(two), ["A.member", "B.member", "C.admin", "D.member"]);
});

Deno.test("a principal that is named twice is listed twice", () => {
  assert.deepEqual(principalsOf(parsePolicy("AND('A.peer', 'A.peer')")), ["A.peer", "A.peer"]);
});

Deno.test("gates are read in their three spellings, with either quotes and any spaces", () => {
  const plain = policyBytes(parsePolicy("AND('A.member','B.client')"));
  for (
    const text of [
      "and('A.member','B.client')",
      "And( 'A.member' ,\n 'B.client' )",
      'AND("A.member", "B.client")',
      "OutOf(2, 'A.member', 'B.client')",
      "outof('2', 'A.member', 'B.client')",
      "(AND(('A.member'), 'B.client'))",
      "  OUTOF(2.9, 'A.member', 'B.client')  ",
    ]
  ) assert.deepEqual(policyBytes(parsePolicy(text)), plain, text);
});

Deno.test("MSP ids keep their dots and dashes", () => {
  assert.deepEqual(
    principalsOf(parsePolicy("OR('MSP.member', 'MSP.WITH.DOTS.member', 'MSP-WITH-DASHES.peer')")),
    ["MSP.member", "MSP.WITH.DOTS.member", "MSP-WITH-DASHES.peer"],
  );
});

Deno.test("the number of OutOf may be from none to one more than there are", () => {
  for (const n of [0, 1, 2, 3]) {
    const { rule } = parsePolicy(`OutOf(${n}, 'A.member', 'B.member')`);
    assert.equal(rule?.Type.case === "nOutOf" && rule.Type.value.n, n);
  }
  for (const n of [-1, 4]) {
    assert.throws(() => parsePolicy(`OutOf(${n}, 'A.member', 'B.member')`), {
      code: "bad-policy-expression",
      message: `Invalid t-out-of-n predicate, t ${n}, n 2 (position 7 of the policy)`,
    });
  }
});

Deno.test("mistakes are shown at their place with what was expected", () => {
  const cases: [string, number, RegExp, RegExp?][] = [
    ["", 1, /expected AND, OR or OutOf, got the end of the policy/],
    ["'A.member'", 1, /expected AND, OR or OutOf, got 'A\.member'/],
    ["OR('A.member', Bmember)", 16, /unrecognized token 'Bmember' in policy string/],
    ["OR('A.member', B.member)", 16, /unrecognized token 'B\.member'/, /quotes: 'B\.member'/],
    ["OR('A.member', 'Bmember')", 16, /unrecognized token 'Bmember'/, /Expected 'MSPID\.role'/],
    ["OR('A.boss')", 4, /unrecognized token 'A\.boss'/, /'boss' is not a role: expected member/],
    ["OR('A.Member')", 4, /unrecognized token/, /'Member' is not a role/],
    ["OR('A.orderer')", 4, /unrecognized token/, /'orderer' is not a role/],
    ["XOR('A.member')", 1, /unrecognized token 'XOR'/, /Expected AND, OR or OutOf/],
    ["AND 'A.member'", 5, /expected '\(' after AND, got 'A\.member'/],
    ["AND()", 1, /Expected at least two arguments to NOutOf. Given 1/],
    ["AND('A.member'", 15, /expected ',' or '\)', got the end of the policy/],
    ["AND('A.member' 'B.member')", 16, /expected ',' or '\)', got 'B\.member'/],
    ["AND('A.member',)", 16, /expected a principal or a gate, got '\)'/],
    ["AND('A.member') OR", 17, /expected the end of the policy, got 'OR'/],
    ["AND('A.member", 5, /Unclosed string literal/],
    ["AND('A.member'; 'B.member')", 15, /Invalid token: ';'/],
    ["AND('A.member', 2)", 17, /expected a principal or a gate, got '2'/],
    ["OutOf('A.member', 'B.member')", 7, /expected a number as the first argument of OutOf/],
    ["('A.member')", 1, /expected AND, OR or OutOf, got '\('/],
    ["OR(('A.member')", 16, /expected ',' or '\)', got the end of the policy/],
    ["OR(('A.member', 'B.member'))", 15, /expected '\)' after what stands in parentheses/],
    ["OutOf(1)", 8, /expected ',' after the number of OutOf, got '\)'/],
  ];
  for (const [text, position, message, hint] of cases) {
    assert.throws(() => parsePolicy(text), (thrown: unknown) => {
      assert.ok(thrown instanceof DenimError, text);
      assert.equal(thrown.code, "bad-policy-expression");
      assert.match(thrown.message, message, text);
      assert.equal(thrown.facts.position, position, `${text}: ${thrown.message}`);
      if (hint) assert.match(thrown.hint ?? "", hint, text);
      assert.ok(thrown.hint?.endsWith(`\n${" ".repeat(position - 1)}^`), text);
      return true;
    });
  }
});

/** Random policies as trees. */
type Tree = string | { n: number; parts: Tree[] };
const { tree } = fc.letrec<{ tree: Tree; gate: Tree }>((tie) => ({
  gate: fc.record({
    n: fc.nat(4),
    parts: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
  }).map(({ n, parts }) => ({ n: Math.min(n, parts.length + 1), parts })),
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(
      fc.constantFrom("Org1MSP", "Org2MSP", "a.b-c", "X"),
      fc.constantFrom("member", "admin", "client", "peer"),
    ).map(([mspId, role]) => `${mspId}.${role}`),
    tie("gate"),
  ),
}));
const gates = tree.filter((one): one is Exclude<Tree, string> => typeof one !== "string");

function expressionOf(one: Tree): string {
  if (typeof one === "string") return `'${one}'`;
  return `OutOf(${[one.n, ...one.parts.map(expressionOf)].join(", ")})`;
}

/** The rule by the words of the language: gates inside first, then this gate's own principals. */
function ruleOf(one: Exclude<Tree, string>, identities: string[]): SignaturePolicy {
  const inner = one.parts.map((part) => typeof part === "string" ? part : ruleOf(part, identities));
  return nOutOf(
    one.n,
    inner.map((part) => typeof part === "string" ? signedBy(identities.push(part) - 1) : part),
  );
}

Deno.test("random policies are parsed to their meaning, and printed policies read back the same", () => {
  fc.assert(fc.property(gates, (gate) => {
    const parsed = parsePolicy(expressionOf(gate));
    const identities: string[] = [];
    const rule = ruleOf(gate, identities);
    assert.deepEqual(principalsOf(parsed), identities);
    assert.deepEqual(policyBytes(parsed), policyBytes(policyEnvelope(rule, parsed.identities)));
    assert.deepEqual(policyBytes(parsePolicy(policyToString(parsed))), policyBytes(parsed));
  }));
});

Deno.test("random text is parsed or refused with a position, never anything else", () => {
  const words = fc.constantFrom(
    "AND",
    "OR(",
    "OutOf",
    "(",
    ")",
    ",",
    "'A.member'",
    "1",
    " ",
    "é",
    "'",
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(words).map((list) => list.join(""))), (text) => {
      try {
        parsePolicy(text);
      } catch (thrown) {
        assert.ok(thrown instanceof DenimError && thrown.code === "bad-policy-expression");
        assert.ok(
          Number(thrown.facts.position) >= 1 &&
            Number(thrown.facts.position) <= text.length + 1,
        );
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("endless nesting is refused", () => {
  const deep = "AND(".repeat(100_000) + "'A.member'" + ")".repeat(100_000);
  assert.throws(() => parsePolicy(deep), { message: /nested too deeply/ });
  assert.throws(() => parsePolicy("(".repeat(100_000)), { code: "bad-policy-expression" });
});

Deno.test("well-known policies have Fabric's bytes", () => {
  assert.equal(hex(policyBytes(acceptAll())), "12021200");
  assert.equal(hex(policyBytes(rejectAll())), "120412020801");
  assert.deepEqual(
    policyBytes(signedByMspMember("A")),
    policyBytes(parsePolicy("OR('A.member')")),
  );
  const ids = ["Org2MSP", "Org10MSP", "Org1MSP"];
  assert.deepEqual(
    policyBytes(signedByAnyMember(ids)),
    policyBytes(parsePolicy("OR('Org10MSP.member', 'Org1MSP.member', 'Org2MSP.member')")),
  );
  assert.deepEqual(ids, ["Org2MSP", "Org10MSP", "Org1MSP"]);
  assert.deepEqual(principalsOf(signedByAnyAdmin(["B", "A"])), ["A.admin", "B.admin"]);
});

Deno.test("implicit meta policies are read as configtxgen reads them", () => {
  assert.throws(() => parseImplicitMeta("ANY"), {
    message: "expected two space separated tokens, but got 1",
  });
  assert.throws(() => parseImplicitMeta("SOME Readers"), {
    message: "unknown rule type 'SOME', expected ALL, ANY, or MAJORITY",
  });
});
