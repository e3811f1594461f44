/** A channel's configuration from a profile. Mirrors common/tools/configtxgen/encoder. */
import { create } from "@bufbuild/protobuf";
import { formatGoDuration } from "../../base/duration.ts";
import { DenimError } from "../../base/errors.ts";
import {
  aclsKey,
  adminsPolicy,
  applicationGroup,
  blockValidationPolicy,
  capabilitiesKey,
  channelCreationPolicyKey,
  consortiumKey,
  consortiumsGroup,
  ordererAdminsPath,
  ordererGroup,
  writersPolicy,
} from "../../channel/group-names.ts";
import {
  BlockDataHashingStructureSchema,
  CapabilitiesSchema,
  ConsortiumSchema,
  HashingAlgorithmSchema,
  OrdererAddressesSchema,
} from "../../gen/common/configuration_pb.ts";
import type { ConfigGroup } from "../../gen/common/configtx_pb.ts";
import { ImplicitMetaPolicy_Rule, PolicySchema } from "../../gen/common/policies_pb.ts";
import {
  BatchSizeSchema,
  BatchTimeoutSchema,
  ChannelRestrictionsSchema,
  ConsensusTypeSchema,
  KafkaBrokersSchema,
} from "../../gen/orderer/configuration_pb.ts";
import { ACLsSchema } from "../../gen/peer/configuration_pb.ts";
import { acceptAll } from "../../policy/envelopes.ts";
import { implicitMetaPolicy } from "../../policy/implicit-meta-policy.ts";
import { addPolicies, addPolicy, addValue, newGroup, signaturePolicyOf } from "./group-builder.ts";
import {
  applicationOrganizationGroup,
  ordererOrganizationGroup,
  organizationGroup,
} from "./organization-group.ts";
import type {
  ApplicationProfile,
  OrdererProfile,
  OrganizationProfile,
  Policies,
  Profile,
} from "./profile.ts";
import { implicitMetaPolicies } from "./sample-values.ts";

const hashingAlgorithm = "SHA256";
const blockDataHashingWidth = 0xffff_ffff;

/** The root group of a channel. @throws DenimError `invalid-profile` */
export function channelGroup(profile: Profile): ConfigGroup {
  const group = newGroup();
  addPolicies(group, orDefault(profile.policies));
  addValue(
    group,
    "HashingAlgorithm",
    HashingAlgorithmSchema,
    create(HashingAlgorithmSchema, { name: hashingAlgorithm }),
  );
  addValue(
    group,
    "BlockDataHashingStructure",
    BlockDataHashingStructureSchema,
    create(BlockDataHashingStructureSchema, { width: blockDataHashingWidth }),
  );
  if (profile.orderer !== undefined && profile.orderer.addresses.length > 0) {
    addValue(
      group,
      "OrdererAddresses",
      OrdererAddressesSchema,
      create(OrdererAddressesSchema, { addresses: [...profile.orderer.addresses] }),
      ordererAdminsPath,
    );
  }
  if (profile.consortium) {
    addValue(
      group,
      consortiumKey,
      ConsortiumSchema,
      create(ConsortiumSchema, { name: profile.consortium }),
    );
  }
  addCapabilities(group, profile.capabilities);
  if (profile.orderer) group.groups[ordererGroup] = ordererConfigGroup(profile.orderer);
  if (profile.application) {
    group.groups[applicationGroup] = applicationConfigGroup(profile.application);
  }
  if (profile.consortiums) group.groups[consortiumsGroup] = consortiumsOf(profile.consortiums);
  return group;
}

function ordererConfigGroup(orderer: OrdererProfile): ConfigGroup {
  const group = newGroup();
  addPolicies(group, orDefault(orderer.policies));
  addPolicy(
    group,
    blockValidationPolicy,
    implicitMetaPolicy(writersPolicy, ImplicitMetaPolicy_Rule.ANY),
  );
  addValue(group, "BatchSize", BatchSizeSchema, create(BatchSizeSchema, orderer.batchSize));
  addValue(
    group,
    "BatchTimeout",
    BatchTimeoutSchema,
    create(BatchTimeoutSchema, { timeout: formatGoDuration(orderer.batchTimeoutMs) }),
  );
  addValue(
    group,
    "ChannelRestrictions",
    ChannelRestrictionsSchema,
    create(ChannelRestrictionsSchema, { maxCount: BigInt(orderer.maxChannels ?? 0) }),
  );
  addCapabilities(group, orderer.capabilities);
  const { type } = orderer;
  if (type === "kafka") {
    addValue(
      group,
      "KafkaBrokers",
      KafkaBrokersSchema,
      create(KafkaBrokersSchema, { brokers: [...orderer.kafkaBrokers ?? []] }),
    );
  } else if (type !== "solo" && type !== "etcdraft") {
    throw new DenimError("invalid-profile", `unknown orderer type: ${type}`, { type });
  }
  addValue(
    group,
    "ConsensusType",
    ConsensusTypeSchema,
    create(ConsensusTypeSchema, { type, metadata: orderer.consensusMetadata }),
  );
  addOrganizations(group, orderer.organizations, ordererOrganizationGroup);
  return group;
}

function applicationConfigGroup(application: ApplicationProfile): ConfigGroup {
  const group = newGroup();
  addPolicies(group, orDefault(application.policies));
  const acls = Object.entries(application.acls ?? {});
  if (acls.length > 0) {
    addValue(
      group,
      aclsKey,
      ACLsSchema,
      create(ACLsSchema, {
        acls: Object.fromEntries(acls.map(([resource, policyRef]) => [resource, { policyRef }])),
      }),
    );
  }
  addCapabilities(group, application.capabilities);
  addOrganizations(group, application.organizations, applicationOrganizationGroup);
  return group;
}

function consortiumsOf(
  consortiums: Readonly<Record<string, readonly OrganizationProfile[]>>,
): ConfigGroup {
  const group = newGroup(ordererAdminsPath);
  // Nothing refers to it; it lets the ordering service's admins decide about the system channel.
  addPolicy(group, adminsPolicy, signaturePolicyOf(acceptAll()), ordererAdminsPath);
  for (const [name, organizations] of Object.entries(consortiums)) {
    const consortium = newGroup(ordererAdminsPath);
    addOrganizations(consortium, organizations, organizationGroup);
    addValue(
      consortium,
      channelCreationPolicyKey,
      PolicySchema,
      implicitMetaPolicy(adminsPolicy, ImplicitMetaPolicy_Rule.ANY),
      ordererAdminsPath,
    );
    group.groups[name] = consortium;
  }
  return group;
}

function addOrganizations(
  group: ConfigGroup,
  organizations: readonly OrganizationProfile[],
  build: (organization: OrganizationProfile) => ConfigGroup,
): void {
  for (const organization of organizations) group.groups[organization.name] = build(organization);
}

function addCapabilities(group: ConfigGroup, names: readonly string[] = []): void {
  if (names.length === 0) return;
  const capabilities = Object.fromEntries(names.map((name) => [name, {}]));
  addValue(
    group,
    capabilitiesKey,
    CapabilitiesSchema,
    create(CapabilitiesSchema, { capabilities }),
  );
}

function orDefault(policies: Policies | undefined): Policies {
  return policies && Object.keys(policies).length > 0 ? policies : implicitMetaPolicies;
}
