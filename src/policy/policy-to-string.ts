/** Policies as people write them. */
import { fromBinary } from "@bufbuild/protobuf";
import { hex } from "../base/bytes.ts";
import type { SignaturePolicy, SignaturePolicyEnvelope } from "../gen/common/policies_pb.ts";
import {
  type MSPPrincipal,
  MSPPrincipal_Classification as Classification,
  MSPRole_MSPRoleType,
  MSPRoleSchema,
  OrganizationUnitSchema,
} from "../gen/msp/msp_principal_pb.ts";
import { SerializedIdentitySchema } from "../gen/msp/identities_pb.ts";
import { sha256 } from "../crypto/hash.ts";

/** `'Org1MSP.member'`; principals the language cannot write are described in angle brackets. */
export function principalToString(principal: MSPPrincipal): string {
  try {
    switch (principal.principalClassification) {
      case Classification.ROLE: {
        const { mspIdentifier, role } = fromBinary(MSPRoleSchema, principal.principal);
        const name = Number(role) === 4 ? "orderer" : MSPRole_MSPRoleType[role]?.toLowerCase();
        return `'${mspIdentifier}.${name ?? `role${role}`}'`;
      }
      case Classification.ORGANIZATION_UNIT: {
        const unit = fromBinary(OrganizationUnitSchema, principal.principal);
        return `<${unit.mspIdentifier} OU ${unit.organizationalUnitIdentifier}>`;
      }
      case Classification.IDENTITY: {
        const { mspid } = fromBinary(SerializedIdentitySchema, principal.principal);
        return `<${mspid} identity ${hex(sha256(principal.principal)).slice(0, 16)}>`;
      }
      default:
        return `<${Classification[principal.principalClassification] ?? "unknown"} principal>`;
    }
  } catch {
    return "<unreadable principal>";
  }
}

function ruleToString(
  rule: SignaturePolicy | undefined,
  identities: readonly MSPPrincipal[],
): string {
  switch (rule?.Type.case) {
    case "signedBy": {
      const principal = identities[rule.Type.value];
      return principal ? principalToString(principal) : `<missing identity ${rule.Type.value}>`;
    }
    case "nOutOf": {
      const { n, rules } = rule.Type.value;
      const parts = rules.map((one) => ruleToString(one, identities)).join(", ");
      if (rules.length > 0 && n === rules.length) return `AND(${parts})`;
      if (rules.length > 0 && n === 1) return `OR(${parts})`;
      return `OutOf(${[String(n), ...(parts ? [parts] : [])].join(", ")})`;
    }
    default:
      return "<empty policy>";
  }
}

/** The expression of a signature policy; parsePolicy reads it back where it has only roles. */
export function policyToString(envelope: SignaturePolicyEnvelope): string {
  return ruleToString(envelope.rule, envelope.identities);
}
