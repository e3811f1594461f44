/** Groups of organisations. Mirrors New{Consortium,Orderer,Application}OrgGroup of configtxgen's encoder. */
import { create } from "@bufbuild/protobuf";
import {
  adminsPolicy,
  anchorPeersKey,
  endpointsKey,
  mspKey,
  readersPolicy,
  writersPolicy,
} from "../../channel/group-names.ts";
import { OrdererAddressesSchema } from "../../gen/common/configuration_pb.ts";
import type { ConfigGroup } from "../../gen/common/configtx_pb.ts";
import { MSPConfigSchema } from "../../gen/msp/msp_config_pb.ts";
import { type AnchorPeers, AnchorPeersSchema } from "../../gen/peer/configuration_pb.ts";
import { signedByMspAdmin, signedByMspMember } from "../../policy/envelopes.ts";
import { addPolicies, addPolicy, addValue, newGroup, signaturePolicyOf } from "./group-builder.ts";
import type { OrganizationProfile } from "./profile.ts";

/** As it stands in a consortium. @throws DenimError `invalid-profile` */
export function organizationGroup(organization: OrganizationProfile): ConfigGroup {
  const group = newGroup();
  const { mspId, policies = {} } = organization;
  if (Object.keys(policies).length > 0) {
    addPolicies(group, policies);
  } else {
    addPolicy(group, readersPolicy, signaturePolicyOf(signedByMspMember(mspId)));
    addPolicy(group, writersPolicy, signaturePolicyOf(signedByMspMember(mspId)));
    addPolicy(group, adminsPolicy, signaturePolicyOf(signedByMspAdmin(mspId)));
  }
  addValue(group, mspKey, MSPConfigSchema, organization.msp);
  return group;
}

/** With its own orderers' addresses, where it names some. @throws DenimError `invalid-profile` */
export function ordererOrganizationGroup(organization: OrganizationProfile): ConfigGroup {
  const group = organizationGroup(organization);
  const { ordererEndpoints = [] } = organization;
  if (ordererEndpoints.length > 0) {
    addValue(
      group,
      endpointsKey,
      OrdererAddressesSchema,
      create(OrdererAddressesSchema, { addresses: [...ordererEndpoints] }),
    );
  }
  return group;
}

/** With its anchor peers, where it names some. @throws DenimError `invalid-profile` */
export function applicationOrganizationGroup(organization: OrganizationProfile): ConfigGroup {
  const group = organizationGroup(organization);
  if (organization.anchorPeers?.length) {
    addValue(group, anchorPeersKey, AnchorPeersSchema, anchorPeers(organization));
  }
  return group;
}

export function anchorPeers({ anchorPeers = [] }: OrganizationProfile): AnchorPeers {
  return create(AnchorPeersSchema, {
    anchorPeers: anchorPeers.map(({ host, port }) => ({ host, port })),
  });
}
