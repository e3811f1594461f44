/** A channel's whole configuration as values. Mirrors common/channelconfig/channel.go. */
import {
  BlockDataHashingStructureSchema,
  CapabilitiesSchema,
  ConsortiumSchema,
  HashingAlgorithmSchema,
  OrdererAddressesSchema,
} from "../gen/common/configuration_pb.ts";
import type { Config, ConfigGroup } from "../gen/common/configtx_pb.ts";
import type { MSPConfig } from "../gen/msp/msp_config_pb.ts";
import type { MspVersion } from "../msp/version.ts";
import type { Msp } from "../msp/types.ts";
import { type ApplicationConfig, readApplicationConfig } from "./application-config.ts";
import { type ChannelCapabilities, channelCapabilities } from "./capabilities.ts";
import { channelError, within } from "./channel-error.ts";
import { type Consortium, readConsortiums } from "./consortiums-config.ts";
import {
  applicationGroup,
  capabilitiesKey,
  consortiumsGroup,
  ordererGroup,
} from "./group-names.ts";
import { groupValues, hasValue } from "./group-values.ts";
import { type OrdererConfig, readOrdererConfig } from "./orderer-config.ts";
import { PendingMsps } from "./pending-msps.ts";

/** The only width there is: all transactions of a block are hashed as one leaf. */
const blockDataHashingWidth = 0xffff_ffff;

/** What `/Channel` says, with the groups below. */
export interface ChannelConfig {
  /** `SHA256` or `SHA3_256`. */
  readonly hashingAlgorithm: string;
  readonly ordererAddresses: readonly string[];
  /** Name of the consortium that made the channel; empty in a system channel. */
  readonly consortiumName: string;
  readonly capabilityNames: ReadonlySet<string>;
  readonly capabilities: ChannelCapabilities;
  readonly application: ApplicationConfig | undefined;
  readonly orderer: OrdererConfig | undefined;
  /** Undefined in an application channel. */
  readonly consortiums: readonly Consortium[] | undefined;
  readonly msps: readonly Msp[];
}

/**
 * Reads and checks every value.
 * @param createMsp sets up one MSP with the given version
 * @throws DenimError `bad-config` with Fabric's reason
 */
export function readChannelConfig(
  config: Config,
  createMsp: (config: MSPConfig, version: MspVersion) => Msp,
): ChannelConfig {
  const channelGroup = preValidate(config);
  return within("bad-config", "initializing channelconfig failed", () => {
    const values = groupValues(channelGroup, {
      HashingAlgorithm: HashingAlgorithmSchema,
      BlockDataHashingStructure: BlockDataHashingStructureSchema,
      OrdererAddresses: OrdererAddressesSchema,
      Consortium: ConsortiumSchema,
      Capabilities: CapabilitiesSchema,
    });
    const capabilityNames = new Set(Object.keys(values.Capabilities.capabilities));
    const capabilities = channelCapabilities(capabilityNames);
    const { addresses } = values.OrdererAddresses;
    const algorithm = values.HashingAlgorithm.name;
    if (algorithm !== "SHA256" && algorithm !== "SHA3_256") {
      throw channelError("bad-config", `Unknown hashing algorithm type: ${algorithm}`);
    }
    if (values.BlockDataHashingStructure.width !== blockDataHashingWidth) {
      throw channelError(
        "bad-config",
        "BlockDataHashStructure width only supported at MaxUint32 in this version",
      );
    }
    if (!capabilities.orgSpecificOrdererEndpoints && addresses.length === 0) {
      throw channelError("bad-config", "Must set some OrdererAddresses");
    }
    const msps = new PendingMsps((mspConfig) => createMsp(mspConfig, capabilities.mspVersion));
    return {
      hashingAlgorithm: algorithm,
      ordererAddresses: addresses,
      consortiumName: values.Consortium.name,
      capabilityNames,
      capabilities,
      ...readGroups(channelGroup, msps, capabilities),
      msps: msps.all(),
    };
  });
}

function readGroups(
  channelGroup: ConfigGroup,
  msps: PendingMsps,
  capabilities: ChannelCapabilities,
): Pick<ChannelConfig, "application" | "orderer" | "consortiums"> {
  const allowed = [applicationGroup, consortiumsGroup, ordererGroup];
  for (const name of Object.keys(channelGroup.groups).sort()) {
    if (!allowed.includes(name)) {
      throw channelError("bad-config", `Disallowed channel group: ${name}`);
    }
  }
  const read = <T>(name: string, step: (group: ConfigGroup) => T): T | undefined =>
    Object.hasOwn(channelGroup.groups, name)
      ? within(
        "bad-config",
        `could not create channel ${name} sub-group config`,
        () => step(channelGroup.groups[name]),
      )
      : undefined;
  const endpointsAllowed = capabilities.orgSpecificOrdererEndpoints;
  return {
    application: read(applicationGroup, (group) => readApplicationConfig(group, msps)),
    orderer: read(ordererGroup, (group) => readOrdererConfig(group, msps, endpointsAllowed)),
    consortiums: read(consortiumsGroup, (group) => readConsortiums(group, msps)),
  };
}

/** Capabilities of the channel and its members need an ordering service that has some. */
function preValidate(config: Config): ConfigGroup {
  const { channelGroup } = config;
  if (channelGroup === undefined) {
    throw channelError("bad-config", "config must contain a channel group");
  }
  const { groups } = channelGroup;
  if (Object.hasOwn(groups, ordererGroup) && !hasValue(groups[ordererGroup], capabilitiesKey)) {
    if (hasValue(channelGroup, capabilitiesKey)) {
      throw channelError(
        "bad-config",
        "cannot enable channel capabilities without orderer support first",
      );
    }
    if (
      Object.hasOwn(groups, applicationGroup) && hasValue(groups[applicationGroup], capabilitiesKey)
    ) {
      throw channelError(
        "bad-config",
        "cannot enable application capabilities without orderer support first",
      );
    }
  }
  return channelGroup;
}
