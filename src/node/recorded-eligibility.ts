/** Which private data belongs to a peer of which only the organisation is known. */
import type { CollectionEligibility } from "../commit/private-data.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { SerializedIdentitySchema } from "../gen/msp/identities_pb.ts";
import {
  type MSPPrincipal,
  MSPPrincipal_Classification,
  MSPRole_MSPRoleType,
  MSPRoleSchema,
  OrganizationUnitSchema,
} from "../gen/msp/msp_principal_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";

/** Membership by organisation, from the definitions in lscc's state. A recording names no identity. */
export function recordedEligibility(
  ledger: Pick<PeerLedger, "newQueryExecutor">,
  mspId: string,
): CollectionEligibility {
  return (namespace, collection) => {
    const state = ledger.newQueryExecutor();
    try {
      const bytes = state.getState("lscc", `${namespace}~collection`);
      const configs = (bytes && tryDecodeAsGo(CollectionConfigPackageSchema, bytes)?.config) ?? [];
      for (const { payload } of configs) {
        if (payload.case !== "staticCollectionConfig" || payload.value.name !== collection) {
          continue;
        }
        const policy = payload.value.memberOrgsPolicy?.payload;
        if (policy?.case !== "signaturePolicy") return false;
        return policy.value.identities.some((principal) => admitsPeerOf(mspId, principal));
      }
      return undefined;
    } finally {
      state.done();
    }
  };
}

/** Can a peer of the organisation satisfy the principal? */
function admitsPeerOf(mspId: string, { principalClassification, principal }: MSPPrincipal) {
  switch (principalClassification) {
    case MSPPrincipal_Classification.ROLE: {
      const role = tryDecodeAsGo(MSPRoleSchema, principal);
      const ofPeers = role?.role === MSPRole_MSPRoleType.MEMBER ||
        role?.role === MSPRole_MSPRoleType.PEER;
      return ofPeers && role?.mspIdentifier === mspId;
    }
    case MSPPrincipal_Classification.ORGANIZATION_UNIT:
      return tryDecodeAsGo(OrganizationUnitSchema, principal)?.mspIdentifier === mspId;
    case MSPPrincipal_Classification.IDENTITY:
      return tryDecodeAsGo(SerializedIdentitySchema, principal)?.mspid === mspId;
    default:
      return false;
  }
}
