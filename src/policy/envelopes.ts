/** Signature policy messages built from parts. Mirrors common/cauthdsl/cauthdsl_builder.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { compareUtf8 } from "../base/bytes.ts";
import {
  type SignaturePolicy,
  type SignaturePolicyEnvelope,
  SignaturePolicyEnvelopeSchema,
  SignaturePolicySchema,
} from "../gen/common/policies_pb.ts";
import {
  type MSPPrincipal,
  MSPPrincipal_Classification,
  MSPPrincipalSchema,
  MSPRole_MSPRoleType as Role,
  MSPRoleSchema,
} from "../gen/msp/msp_principal_pb.ts";

export { Role };

/** A rule that wants the principal at `index` of the envelope. */
export function signedBy(index: number): SignaturePolicy {
  return create(SignaturePolicySchema, { Type: { case: "signedBy", value: index } });
}

/** A rule that wants `n` of `rules`. */
export function nOutOf(n: number, rules: SignaturePolicy[]): SignaturePolicy {
  return create(SignaturePolicySchema, { Type: { case: "nOutOf", value: { n, rules } } });
}

export function rolePrincipal(mspIdentifier: string, role: Role): MSPPrincipal {
  return create(MSPPrincipalSchema, {
    principalClassification: MSPPrincipal_Classification.ROLE,
    principal: toBinary(MSPRoleSchema, create(MSPRoleSchema, { mspIdentifier, role })),
  });
}

export function policyEnvelope(
  rule: SignaturePolicy,
  identities: MSPPrincipal[],
): SignaturePolicyEnvelope {
  return create(SignaturePolicyEnvelopeSchema, { version: 0, rule, identities });
}

/** Satisfied without any signature. */
export const acceptAll = (): SignaturePolicyEnvelope => policyEnvelope(nOutOf(0, []), []);

/** Never satisfied. */
export const rejectAll = (): SignaturePolicyEnvelope => policyEnvelope(nOutOf(1, []), []);

function signedByRole(mspId: string, role: Role): SignaturePolicyEnvelope {
  return policyEnvelope(nOutOf(1, [signedBy(0)]), [rolePrincipal(mspId, role)]);
}

function signedByAny(mspIds: readonly string[], role: Role): SignaturePolicyEnvelope {
  const sorted = [...mspIds].sort(compareUtf8);
  return policyEnvelope(
    nOutOf(1, sorted.map((_, index) => signedBy(index))),
    sorted.map((mspId) => rolePrincipal(mspId, role)),
  );
}

export const signedByMspMember = (mspId: string) => signedByRole(mspId, Role.MEMBER);
export const signedByMspAdmin = (mspId: string) => signedByRole(mspId, Role.ADMIN);
export const signedByMspClient = (mspId: string) => signedByRole(mspId, Role.CLIENT);
export const signedByMspPeer = (mspId: string) => signedByRole(mspId, Role.PEER);

/** One signature of a member of any of these MSPs (sorted, as Fabric does). */
export const signedByAnyMember = (mspIds: readonly string[]) => signedByAny(mspIds, Role.MEMBER);
export const signedByAnyAdmin = (mspIds: readonly string[]) => signedByAny(mspIds, Role.ADMIN);
export const signedByAnyClient = (mspIds: readonly string[]) => signedByAny(mspIds, Role.CLIENT);
export const signedByAnyPeer = (mspIds: readonly string[]) => signedByAny(mspIds, Role.PEER);

/** Bytes as they stand in chaincode data and configuration. */
export function policyBytes(envelope: SignaturePolicyEnvelope): Uint8Array {
  return toBinary(SignaturePolicyEnvelopeSchema, envelope);
}
