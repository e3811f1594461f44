/** Puts values and policies into a configuration group. Mirrors addValue and addPolicies of configtxgen's encoder. */
import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { messageOf } from "../../base/errors.ts";
import { DenimError } from "../../base/errors.ts";
import { adminsPolicy } from "../../channel/group-names.ts";
import {
  type ConfigGroup,
  ConfigGroupSchema$,
  ConfigPolicySchema$,
  ConfigValueSchema$,
} from "../../gen/common/configtx_pb.ts";
import {
  ImplicitMetaPolicySchema,
  type Policy,
  Policy_PolicyType,
  PolicySchema,
  type SignaturePolicyEnvelope,
  SignaturePolicyEnvelopeSchema,
} from "../../gen/common/policies_pb.ts";
import { parseImplicitMeta } from "../../policy/implicit-meta-policy.ts";
import { parsePolicy } from "../../policy/parse-policy.ts";
import type { Policies, PolicyDefinition } from "./profile.ts";

/** An empty group that admins may change. */
export function newGroup(modPolicy: string = adminsPolicy): ConfigGroup {
  return create(ConfigGroupSchema$, { modPolicy });
}

export function addValue<Desc extends DescMessage>(
  group: ConfigGroup,
  name: string,
  schema: Desc,
  value: MessageShape<Desc>,
  modPolicy: string = adminsPolicy,
): void {
  group.values[name] = create(ConfigValueSchema$, { value: toBinary(schema, value), modPolicy });
}

export function addPolicy(
  group: ConfigGroup,
  name: string,
  policy: Policy,
  modPolicy: string = adminsPolicy,
): void {
  group.policies[name] = create(ConfigPolicySchema$, { policy, modPolicy });
}

/** @throws DenimError `invalid-profile` naming the policy */
export function addPolicies(group: ConfigGroup, policies: Policies): void {
  for (const [name, definition] of Object.entries(policies)) {
    addPolicy(group, name, policyOf(name, definition));
  }
}

export function signaturePolicyOf(envelope: SignaturePolicyEnvelope): Policy {
  return create(PolicySchema, {
    type: Policy_PolicyType.SIGNATURE,
    value: toBinary(SignaturePolicyEnvelopeSchema, envelope),
  });
}

function policyOf(name: string, { type, rule }: PolicyDefinition): Policy {
  try {
    if (type === "Signature") return signaturePolicyOf(parsePolicy(rule));
    return create(PolicySchema, {
      type: Policy_PolicyType.IMPLICIT_META,
      value: toBinary(ImplicitMetaPolicySchema, parseImplicitMeta(rule)),
    });
  } catch (cause) {
    const kind = type === "Signature" ? "signature" : "implicit meta";
    throw new DenimError(
      "invalid-profile",
      `invalid ${kind} policy rule '${rule}' of policy ${name}: ${messageOf(cause)}`,
      { name, rule },
      undefined,
      { cause },
    );
  }
}
