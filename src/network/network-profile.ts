/** The channel configurations of a development network. */
import type { OrganizationProfile, Profile } from "./genesis/profile.ts";
import {
  currentCapabilities,
  implicitMetaPolicies,
  ordererOrganizationPolicies,
  peerOrganizationPolicies,
  sampleBatchSize,
  sampleBatchTimeoutMs,
} from "./genesis/sample-values.ts";

const consortium = "SampleConsortium";

const withPeerPolicies = (org: OrganizationProfile): OrganizationProfile => ({
  ...org,
  policies: peerOrganizationPolicies(org.mspId),
});

/** The system channel: one solo orderer, one consortium of all organisations. */
export function systemProfile(
  orderer: OrganizationProfile,
  organizations: readonly OrganizationProfile[],
  ordererAddress: string,
): Profile {
  return {
    policies: implicitMetaPolicies,
    capabilities: currentCapabilities.channel,
    orderer: {
      type: "solo",
      addresses: [ordererAddress],
      batchTimeoutMs: sampleBatchTimeoutMs,
      batchSize: sampleBatchSize,
      organizations: [{ ...orderer, policies: ordererOrganizationPolicies(orderer.mspId) }],
      policies: implicitMetaPolicies,
      capabilities: currentCapabilities.orderer,
    },
    consortiums: { [consortium]: organizations.map(withPeerPolicies) },
  };
}

/** The channel that all organisations share. */
export function channelProfile(organizations: readonly OrganizationProfile[]): Profile {
  return {
    policies: implicitMetaPolicies,
    capabilities: currentCapabilities.channel,
    consortium,
    application: {
      organizations: organizations.map(withPeerPolicies),
      policies: implicitMetaPolicies,
      capabilities: currentCapabilities.application,
    },
  };
}
