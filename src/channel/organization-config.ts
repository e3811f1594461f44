/** Organisations of a configuration. Mirrors common/channelconfig/{organization,applicationorg,orderer}.go. */
import { OrdererAddressesSchema } from "../gen/common/configuration_pb.ts";
import type { ConfigGroup } from "../gen/common/configtx_pb.ts";
import { MSPConfigSchema } from "../gen/msp/msp_config_pb.ts";
import { AnchorPeersSchema } from "../gen/peer/configuration_pb.ts";
import { channelError } from "./channel-error.ts";
import { endpointsKey } from "./group-names.ts";
import { groupValues, hasValue } from "./group-values.ts";
import type { PendingMsps } from "./pending-msps.ts";
import type { ApplicationOrg } from "./types.ts";

/** An organisation's group name and MSP. */
export interface Org {
  readonly name: string;
  readonly mspId: string;
}

export interface OrdererOrg extends Org {
  /** `host:port` of its orderers; empty where the channel only has global addresses. */
  readonly endpoints: readonly string[];
}

/** A consortium's member. @throws DenimError `bad-config` */
export function readOrg(name: string, group: ConfigGroup, msps: PendingMsps): Org {
  forbidGroups(group, "organizations do not support sub-groups");
  const values = groupValues(group, { MSP: MSPConfigSchema });
  return { name, mspId: proposeMsp(name, values.MSP, msps) };
}

/** A member of the channel. @throws DenimError `bad-config` */
export function readApplicationOrg(
  name: string,
  group: ConfigGroup,
  msps: PendingMsps,
): ApplicationOrg {
  forbidGroups(group, "ApplicationOrg config does not allow sub-groups");
  const values = groupValues(group, { AnchorPeers: AnchorPeersSchema, MSP: MSPConfigSchema });
  return {
    name,
    mspId: proposeMsp(name, values.MSP, msps),
    anchorPeers: values.AnchorPeers.anchorPeers.map(({ host, port }) => ({ host, port })),
  };
}

/** A member of the ordering service. @throws DenimError `bad-config` */
export function readOrdererOrg(
  name: string,
  group: ConfigGroup,
  msps: PendingMsps,
  endpointsAllowed: boolean,
): OrdererOrg {
  forbidGroups(group, "OrdererOrg config does not allow sub-groups");
  if (!endpointsAllowed && hasValue(group, endpointsKey)) {
    throw channelError(
      "bad-config",
      `Orderer Org ${name} cannot contain endpoints value until V2_0+ capabilities have been enabled`,
    );
  }
  const values = groupValues(group, { Endpoints: OrdererAddressesSchema, MSP: MSPConfigSchema });
  return {
    name,
    mspId: proposeMsp(name, values.MSP, msps),
    endpoints: values.Endpoints.addresses,
  };
}

function forbidGroups(group: ConfigGroup, reason: string): void {
  if (Object.keys(group.groups).length > 0) throw channelError("bad-config", reason);
}

function proposeMsp(
  name: string,
  config: Parameters<PendingMsps["propose"]>[0],
  msps: PendingMsps,
): string {
  const { mspId } = msps.propose(config);
  if (mspId === "") throw channelError("bad-config", `MSP for org ${name} has empty MSP ID`);
  return mspId;
}
