/** The policies lscc takes where none is given. */
import type { Bundle } from "../../channel/types.ts";
import { policyBytes, signedByAnyAdmin, signedByAnyMember } from "../../policy/envelopes.ts";

/** Serialized policy: one member of any application organisation of the channel. */
export function anyMemberPolicy(bundle: Bundle): Uint8Array {
  return policyBytes(signedByAnyMember(mspIdsOf(bundle)));
}

/** Serialized policy: one administrator of any application organisation of the channel. */
export function anyAdminPolicy(bundle: Bundle): Uint8Array {
  return policyBytes(signedByAnyAdmin(mspIdsOf(bundle)));
}

function mspIdsOf(bundle: Bundle): string[] {
  return bundle.applicationOrgs.map((org) => org.mspId);
}
