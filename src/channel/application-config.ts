/** The channel members' settings. Mirrors common/channelconfig/{application,acls}.go. */
import { CapabilitiesSchema } from "../gen/common/configuration_pb.ts";
import type { ConfigGroup } from "../gen/common/configtx_pb.ts";
import { ACLsSchema } from "../gen/peer/configuration_pb.ts";
import { applicationCapabilities } from "./capabilities.ts";
import { channelError } from "./channel-error.ts";
import { aclsKey, applicationGroup, rootGroup } from "./group-names.ts";
import { groupValues, hasValue } from "./group-values.ts";
import { readApplicationOrg } from "./organization-config.ts";
import type { PendingMsps } from "./pending-msps.ts";
import type { ApplicationCapabilities, ApplicationOrg } from "./types.ts";

/** What `/Channel/Application` says. */
export interface ApplicationConfig {
  readonly orgs: readonly ApplicationOrg[];
  readonly capabilityNames: ReadonlySet<string>;
  readonly capabilities: ApplicationCapabilities;
  /** Resource → absolute policy path. */
  readonly acls: ReadonlyMap<string, string>;
}

/** @throws DenimError `bad-config` with Fabric's reason */
export function readApplicationConfig(group: ConfigGroup, msps: PendingMsps): ApplicationConfig {
  const values = groupValues(group, { ACLs: ACLsSchema, Capabilities: CapabilitiesSchema });
  const capabilityNames = new Set(Object.keys(values.Capabilities.capabilities));
  const capabilities = applicationCapabilities(capabilityNames);
  if (!capabilities.acls && hasValue(group, aclsKey)) {
    throw channelError(
      "bad-config",
      "ACLs may not be specified without the required capability",
    );
  }
  const acls = new Map<string, string>();
  for (const [resource, { policyRef }] of Object.entries(values.ACLs.acls)) {
    // Fabric crashes on an empty reference; without one the resource keeps its default.
    if (policyRef === "") continue;
    acls.set(
      resource,
      policyRef.startsWith("/") ? policyRef : `/${rootGroup}/${applicationGroup}/${policyRef}`,
    );
  }
  return {
    orgs: Object.keys(group.groups).sort().map((name) =>
      readApplicationOrg(name, group.groups[name], msps)
    ),
    capabilityNames,
    capabilities,
    acls,
  };
}
