import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import type { ApplicationCapabilities } from "../channel/types.ts";
import {
  CollectionConfigPackageSchema,
  CollectionPolicyConfigSchema,
  type StaticCollectionConfig,
} from "../gen/common/collection_pb.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import {
  ChaincodeDeploymentSpecSchema,
  ChaincodeInvocationSpecSchema,
  ChaincodeSpec_Type,
} from "../gen/peer/chaincode_pb.ts";
import { ChaincodeProposalPayloadSchema } from "../gen/peer/proposal_pb.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { applicationCapabilities } from "../channel/capabilities.ts";
import { type ChaincodeData, encodeChaincodeData } from "../protocol/chaincode-data.ts";
import { encodeResults, type NamespaceWrites } from "../../tests/support/transactions.ts";
import { anyMemberPolicy } from "./chaincode-rules.ts";
import { validateLsccInvocation } from "./lscc.ts";
import { decodeReadWriteSet } from "./read-write-set.ts";

const anyPolicy = anyMemberPolicy(["Org1MSP"]);

function data(over: Partial<ChaincodeData> = {}): ChaincodeData {
  return {
    name: "newcc",
    version: "1.0",
    escc: "escc",
    vscc: "vscc",
    policy: anyPolicy,
    data: emptyBytes,
    id: emptyBytes,
    instantiationPolicy: anyPolicy,
    ...over,
  };
}

function spec(
  name = "newcc",
  version = "1.0",
  code = emptyBytes,
  type = ChaincodeSpec_Type.GOLANG,
) {
  return toBinary(
    ChaincodeDeploymentSpecSchema,
    create(ChaincodeDeploymentSpecSchema, {
      chaincodeSpec: { type, chaincodeId: { name, version } },
      codePackage: code,
    }),
  );
}

type Collection = Partial<Omit<StaticCollectionConfig, "$typeName" | "$unknown">>;

const memberPolicy = (bytes: Uint8Array) =>
  create(CollectionPolicyConfigSchema, {
    payload: {
      case: "signaturePolicy",
      value: fromBinary(SignaturePolicyEnvelopeSchema, bytes),
    },
  });

function collections(...configs: Collection[]): Uint8Array {
  const defaults: Collection = {
    name: "coll",
    maximumPeerCount: 1,
    memberOrgsPolicy: memberPolicy(anyPolicy),
  };
  return toBinary(
    CollectionConfigPackageSchema,
    create(CollectionConfigPackageSchema, {
      config: configs.map((config) => ({
        payload: { case: "staticCollectionConfig" as const, value: { ...defaults, ...config } },
      })),
    }),
  );
}

interface Case {
  readonly call?: "deploy" | "upgrade" | "install";
  readonly args?: readonly Uint8Array[];
  readonly written?: Partial<ChaincodeData>;
  readonly sets?: readonly NamespaceWrites[];
  readonly collections?: Uint8Array;
  readonly ledger?: Readonly<Record<string, Uint8Array>>;
  readonly capabilities?: readonly string[];
  readonly refusedPolicies?: readonly Uint8Array[];
}

function judge(test: Case): string | undefined {
  const call = test.call ?? "deploy";
  const fixed = [utf8("mychannel"), spec(), emptyBytes, utf8("escc"), utf8("vscc")];
  const args = test.args ?? (test.collections ? [...fixed, test.collections] : fixed);
  const writes: Record<string, Uint8Array> = { newcc: encodeChaincodeData(data(test.written)) };
  if (test.collections) writes["newcc~collection"] = test.collections;
  const state: Pick<QueryExecutor, "getState"> = { getState: (_, key) => test.ledger?.[key] };
  const capabilities: ApplicationCapabilities = applicationCapabilities(
    new Set(test.capabilities ?? ["V1_4_2"]),
  );
  const input = create(ChaincodeInvocationSpecSchema, {
    chaincodeSpec: { input: { args: [utf8(call), ...args] } },
  });
  return validateLsccInvocation({
    proposalPayload: toBinary(
      ChaincodeProposalPayloadSchema,
      create(ChaincodeProposalPayloadSchema, {
        input: toBinary(ChaincodeInvocationSpecSchema, input),
      }),
    ),
    sets: decodeReadWriteSet(encodeResults(test.sets ?? [{ namespace: "lscc", writes }])),
    capabilities,
    state: state as QueryExecutor,
    instantiationFailure: (policy) =>
      test.refusedPolicies?.some((refused) => refused.toString() === policy.toString())
        ? "refused"
        : undefined,
  });
}

const old = { newcc: encodeChaincodeData(data({ version: "0.9" })) };

Deno.test("a plain deploy and a plain upgrade pass", () => {
  assert.equal(judge({}), undefined);
  assert.equal(judge({ collections: collections({}) }), undefined);
  assert.equal(judge({ call: "upgrade", ledger: old }), undefined);
});

Deno.test("only deploy and upgrade may be committed, with two to six arguments", () => {
  assert.match(judge({ call: "install" }) ?? "", /invocation of function install of lscc is inv/);
  assert.match(judge({ args: [utf8("mychannel")] }) ?? "", /expected at least 2, received 1/);
  const seven = Array.from({ length: 7 }, (_, i) => i === 1 ? spec() : emptyBytes);
  assert.match(judge({ args: seven }) ?? "", /Wrong number of arguments.*received 7/);
  const six = seven.slice(0, 6);
  assert.match(judge({ args: six, capabilities: ["V1_1"] }) ?? "", /received 6/);
});

Deno.test("names and versions must be well formed, not reserved, and agree with the write", () => {
  const of = (name: string, version: string) =>
    judge({ args: [emptyBytes, spec(name, version)], written: { name, version } });
  assert.match(of("new cc", "1") ?? "", /invalid chaincode name 'new cc'/);
  assert.match(of("lscc", "1") ?? "", /reserved for system chaincodes/);
  assert.match(of("cc", "1 0") ?? "", /invalid chaincode version '1 0'/);
  assert.match(of("newcc\n", "1") ?? "", /invalid chaincode name/);
  assert.match(judge({ written: { name: "other" } }) ?? "", /expected cc name newcc, found other/);
  assert.match(judge({ written: { version: "2" } }) ?? "", /expected cc version 1.0, found 2/);
});

Deno.test("deployment specs that are no specs, or of no known kind, are refused", () => {
  const of = (bytes: Uint8Array) => judge({ args: [emptyBytes, bytes] }) ?? "";
  assert.match(of(utf8("garbage")), /GetChaincodeDeploymentSpec error/);
  assert.match(of(emptyBytes), /Unknown chaincodeType: /);
  assert.match(
    of(spec("newcc", "1.0", emptyBytes, 77 as ChaincodeSpec_Type)),
    /Unknown chaincodeType: 77/,
  );
  assert.match(of(spec("newcc", "1.0", utf8("not gzip"))), /failure opening codepackage gzip/);
  const noId = create(ChaincodeDeploymentSpecSchema, { chaincodeSpec: { type: 1 } });
  assert.match(of(toBinary(ChaincodeDeploymentSpecSchema, noId)), /appropriate arguments/);
});

Deno.test("only the chaincode's own entries may be written", () => {
  const value = encodeChaincodeData(data());
  const of = (...sets: NamespaceWrites[]) => judge({ sets }) ?? "";
  assert.match(of({ namespace: "newcc", writes: { a: "1" } }), /No read write set for lscc/);
  assert.match(of({ namespace: "lscc" }), /at least one single putState/);
  assert.match(
    of({ namespace: "lscc", writes: { other: value } }),
    /expected key newcc, found oth/,
  );
  assert.match(of({ namespace: "lscc", writes: { newcc: "\u0001" } }), /failed, error/);
  const lscc = { namespace: "lscc", writes: { newcc: value } };
  assert.match(
    of(lscc, { namespace: "foreign", writes: { a: "1" } }),
    /write to namespace foreign/,
  );
  assert.equal(of(lscc, { namespace: "newcc", writes: { a: "1" } }), "");
  const three = { newcc: value, "newcc~collection": "x", zzz: "y" };
  assert.match(of({ namespace: "lscc", writes: three }), /one or two putState/);
  const two = { newcc: value, zzz: "y" };
  assert.match(of({ namespace: "lscc", writes: two }), /invalid key for the collection/);
  const unasked = { newcc: value, "newcc~collection": "x" };
  assert.match(of({ namespace: "lscc", writes: unasked }), /do not match the configuration/);
});

Deno.test("deploy wants a new chaincode, upgrade an old one of another version", () => {
  const same = { newcc: encodeChaincodeData(data()) };
  assert.match(judge({ ledger: same }) ?? "", /already instantiated/);
  assert.match(judge({ call: "upgrade" }) ?? "", /Upgrading non-existent chaincode newcc/);
  assert.match(judge({ call: "upgrade", ledger: same }) ?? "", /should be different/);
  const leftover = { "newcc~collection": collections({}) };
  assert.match(judge({ ledger: leftover }) ?? "", /collection data should not exist/);
});

Deno.test("instantiation policies of ledger and write set must both be satisfied", () => {
  const strict = anyMemberPolicy(["Org2MSP"]);
  const refusedPolicies = [strict];
  const written = { instantiationPolicy: strict };
  assert.match(judge({ written, refusedPolicies }) ?? "", /instantiation policy violated/);
  const upgrade = { call: "upgrade", ledger: old, written, refusedPolicies } as const;
  assert.match(judge(upgrade) ?? "", /instantiation policy violated/);
  assert.equal(judge({ ...upgrade, capabilities: [] }), undefined);
  assert.match(judge({ written: { instantiationPolicy: undefined } }) ?? "", /no instantiation/);
  const lost = {
    newcc: encodeChaincodeData(data({ version: "0", instantiationPolicy: undefined })),
  };
  assert.match(judge({ call: "upgrade", ledger: lost }) ?? "", /No instantiation policy/);
});

Deno.test("collections are checked from 1.2 on", () => {
  const of = (...configs: Collection[]) => judge({ collections: collections(...configs) }) ?? "";
  assert.match(of({ name: "" }), /empty collection-name/);
  assert.match(of({ name: "a b" }), /not allowed. A valid collection name/);
  assert.match(of({}, {}), /duplicate collection configuration/);
  assert.match(of({ requiredPeerCount: 2 }), /maximum peer count \(1\) cannot be greater/);
  assert.match(of({ requiredPeerCount: -1 }), /cannot be less than zero/);
  assert.match(of({ memberOrgsPolicy: undefined }), /member policy is not set/);
  const memberOrgsPolicy = memberPolicy(anyMemberPolicy(["A", "B"]));
  const rule = memberOrgsPolicy.payload.value?.rule;
  if (rule?.Type.case === "nOutOf") rule.Type.value.n = 2;
  assert.match(of({ memberOrgsPolicy }), /not an OR concatenation, NOutOf 2/);
  const before = { collections: collections({ name: "a b" }), capabilities: ["V1_1"] };
  assert.match(judge(before) ?? "", /received 6/);
  assert.match(judge({ collections: utf8("garbage") }) ?? "", /invalid collection configuration/);
});

Deno.test("an upgrade keeps collections and how long their blocks live", () => {
  const of = (before: Uint8Array, after?: Uint8Array) =>
    judge({ call: "upgrade", ledger: { ...old, "newcc~collection": before }, collections: after });
  const base = collections({ name: "a", blockToLive: 3n });
  assert.equal(of(base, base), undefined);
  assert.equal(of(base), undefined);
  assert.equal(of(base, collections({ name: "a", blockToLive: 3n }, { name: "b" })), undefined);
  assert.match(of(base, collections({ name: "b" })) ?? "", /are missing.*\[a\]/);
  assert.match(of(base, collections({ name: "a" })) ?? "", /must not be modified: \[a\]/);
  assert.match(of(base, emptyBytes) ?? "", /are missing.*\[a\]/);
});

Deno.test("a damaged definition in the ledger stops validation instead of giving a flag", () => {
  const isDamage = (error: unknown) =>
    error instanceof DenimError && error.code === "bad-ledger-state";
  assert.throws(() => judge({ ledger: { newcc: new Uint8Array([0x0a, 9]) } }), isDamage);
  assert.throws(() => judge({ ledger: { "newcc~collection": utf8("garbage") } }), isDamage);
});

Deno.test("before 1.2 an upgrade writes one entry", () => {
  const value = encodeChaincodeData(data());
  const sets = [{ namespace: "lscc", writes: { newcc: value, "newcc~collection": "x" } }];
  const upgrade = { call: "upgrade", ledger: old, sets, capabilities: ["V1_1"] } as const;
  assert.match(judge(upgrade) ?? "", /a single putState upon upgrade/);
  assert.match(judge({ sets, capabilities: ["V1_1"] }) ?? "", /a single putState upon deploy/);
});
