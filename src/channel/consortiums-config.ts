/** Who may create channels. Mirrors common/channelconfig/{consortiums,consortium}.go. */
import type { ConfigGroup } from "../gen/common/configtx_pb.ts";
import { type Policy, PolicySchema } from "../gen/common/policies_pb.ts";
import { groupValues } from "./group-values.ts";
import { type Org, readOrg } from "./organization-config.ts";
import type { PendingMsps } from "./pending-msps.ts";

export interface Consortium {
  readonly name: string;
  readonly channelCreationPolicy: Policy;
  readonly orgs: readonly Org[];
}

/** @throws DenimError `bad-config` */
export function readConsortiums(group: ConfigGroup, msps: PendingMsps): Consortium[] {
  return Object.keys(group.groups).sort().map((name) => {
    const consortium = group.groups[name];
    const values = groupValues(consortium, { ChannelCreationPolicy: PolicySchema });
    return {
      name,
      channelCreationPolicy: values.ChannelCreationPolicy,
      orgs: Object.keys(consortium.groups).sort().map((org) =>
        readOrg(org, consortium.groups[org], msps)
      ),
    };
  });
}
