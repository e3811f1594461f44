/** The policies lscc takes where none is given. Mirrors common/cauthdsl/cauthdsl_builder.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { compareUtf8 } from "../../base/bytes.ts";
import type { Bundle } from "../../channel/types.ts";
import {
  SignaturePolicyEnvelopeSchema,
  SignaturePolicySchema,
} from "../../gen/common/policies_pb.ts";
import {
  MSPPrincipal_Classification,
  MSPPrincipalSchema,
  MSPRole_MSPRoleType,
  MSPRoleSchema,
} from "../../gen/msp/msp_principal_pb.ts";

/** Serialized policy: one member of any application organisation of the channel. */
export function anyMemberPolicy(bundle: Bundle): Uint8Array {
  return signedByAny(MSPRole_MSPRoleType.MEMBER, bundle);
}

/** Serialized policy: one administrator of any application organisation of the channel. */
export function anyAdminPolicy(bundle: Bundle): Uint8Array {
  return signedByAny(MSPRole_MSPRoleType.ADMIN, bundle);
}

function signedByAny(role: MSPRole_MSPRoleType, bundle: Bundle): Uint8Array {
  const mspIds = bundle.applicationOrgs.map((org) => org.mspId).sort(compareUtf8);
  const identities = mspIds.map((mspIdentifier) =>
    create(MSPPrincipalSchema, {
      principalClassification: MSPPrincipal_Classification.ROLE,
      principal: toBinary(MSPRoleSchema, create(MSPRoleSchema, { role, mspIdentifier })),
    })
  );
  const rules = mspIds.map((_, index) =>
    create(SignaturePolicySchema, { Type: { case: "signedBy", value: index } })
  );
  return toBinary(
    SignaturePolicyEnvelopeSchema,
    create(SignaturePolicyEnvelopeSchema, {
      rule: { Type: { case: "nOutOf", value: { n: 1, rules } } },
      identities,
    }),
  );
}
