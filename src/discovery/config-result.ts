/** MSPs and orderers of a channel, for clients. Mirrors discovery/support/config/support.go. */
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import { OrdererAddressesSchema } from "../gen/common/configuration_pb.ts";
import type { Config, ConfigGroup } from "../gen/common/configtx_pb.ts";
import {
  type ConfigResult,
  ConfigResultSchema,
  type Endpoints,
  EndpointsSchema,
} from "../gen/discovery/protocol_pb.ts";
import {
  type FabricMSPConfig,
  FabricMSPConfigSchema,
  MSPConfigSchema,
} from "../gen/msp/msp_config_pb.ts";
import { decode } from "../protocol/decode.ts";

/** MSPConfig.type of an X.509 MSP. */
const fabricMspType = 0;

/** strconv.ParseInt(…, 10, 32), which Fabric uses for ports. */
const maxInt32 = 2 ** 31 - 1;
const minInt32 = -(2 ** 31);

/** @throws DenimError `bad-channel-config` for a configuration without what it needs */
export function configResult({ channelGroup }: Config): ConfigResult {
  const application = channelGroup?.groups.Application;
  const orderer = channelGroup?.groups.Orderer;
  if (channelGroup === undefined || application === undefined || orderer === undefined) {
    throw new DenimError("bad-channel-config", "config envelope is invalid");
  }
  const orderers = Object.values(orderer.groups);
  const msps: Record<string, FabricMSPConfig> = {};
  for (const group of [...orderers, ...Object.values(application.groups)]) {
    const msp = fabricMsp(group);
    if (msp !== undefined && !Object.hasOwn(msps, msp.name)) msps[msp.name] = msp;
  }
  const global = addressesOf(channelGroup, "OrdererAddresses");
  return create(ConfigResultSchema, { msps, orderers: ordererEndpoints(orderers, global) });
}

/** Addresses of each orderer organisation where any has its own, else the channel's for all. */
function ordererEndpoints(
  groups: readonly ConfigGroup[],
  global: readonly string[],
): Record<string, Endpoints> {
  const own = groups.flatMap((group) => {
    const msp = fabricMsp(group);
    return msp ? [{ mspId: msp.name, addresses: addressesOf(group, "Endpoints") }] : [];
  });
  const perOrganization = own.some(({ addresses }) => addresses.length > 0);
  return Object.fromEntries(own.map(({ mspId, addresses }) => [
    mspId,
    endpointsOf(perOrganization ? addresses : global, !perOrganization),
  ]));
}

/** @param strict an address that cannot be read is an error, otherwise left out: as in Fabric */
function endpointsOf(addresses: readonly string[], strict: boolean): Endpoints {
  const endpoint = addresses.flatMap((address) => {
    const parsed = hostAndPort(address);
    if (parsed === undefined && strict) {
      throw new DenimError("bad-channel-config", `failed parsing orderer endpoint ${address}`);
    }
    return parsed ?? [];
  });
  return create(EndpointsSchema, { endpoint });
}

function hostAndPort(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\[\]]*)\]|([^:\[\]]*)):([+-]?\d+)$/.exec(address);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > maxInt32 || port < minInt32) return undefined;
  return { host: match[1] ?? match[2], port: port >>> 0 };
}

/** The X.509 MSP of an organisation; undefined for one of another kind, and for none. */
function fabricMsp(group: ConfigGroup): FabricMSPConfig | undefined {
  const config = valueOf(group, "MSP", MSPConfigSchema);
  if (config === undefined || config.type !== fabricMspType) return undefined;
  return decode(FabricMSPConfigSchema, config.config);
}

function addressesOf(group: ConfigGroup, key: string): readonly string[] {
  return valueOf(group, key, OrdererAddressesSchema)?.addresses ?? [];
}

function valueOf<D extends DescMessage>(
  { values }: ConfigGroup,
  key: string,
  schema: D,
): MessageShape<D> | undefined {
  const value = Object.hasOwn(values, key) ? values[key] : undefined;
  return value && decode(schema, value.value);
}
