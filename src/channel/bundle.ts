/** Compiled channel configurations. Mirrors common/channelconfig/bundle.go. */
import type { Clock } from "../base/clock.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import type { Block } from "../gen/common/common_pb.ts";
import type { Config, ConfigGroup } from "../gen/common/configtx_pb.ts";
import { createMsp } from "../msp/create-msp.ts";
import { createMspManager } from "../msp/msp-manager.ts";
import { createPolicyManager } from "../policy/policy-manager.ts";
import { applicationCapabilities, unsupportedCapabilities } from "./capabilities.ts";
import { type ChannelConfig, readChannelConfig } from "./channel-config.ts";
import { within } from "./channel-error.ts";
import { openConfigBlock } from "./config-block.ts";
import { createConfigTxValidator } from "./config-update.ts";
import type { Bundle, ConfigTxValidator, OrdererEndpoint } from "./types.ts";

/** What a bundle needs to check signatures and certificates. */
export interface BundleDeps {
  readonly provider: EcdsaProvider;
  /** For the validity of certificates. Default: the machine's. */
  readonly clock?: Clock;
}

/** A bundle with what the peer's own parts ask for besides the contract of `Bundle`. */
export interface ChannelBundle extends Bundle {
  /** All values, organisations of the ordering service and consortiums included. */
  readonly channelConfig: ChannelConfig;
  /** Checks and applies updates of this configuration. */
  readonly configTxValidator: ConfigTxValidator;
  /** The ordering service may need more than a peer: its own unknown capabilities. */
  readonly unsupportedOrdererCapabilities: readonly string[];
}

/**
 * Checks a configuration and compiles it.
 * @throws DenimError `bad-config`, `bad-channel-id` with Fabric's reason
 */
export function createBundle(channelId: string, config: Config, deps: BundleDeps): ChannelBundle {
  const channelConfig = readChannelConfig(
    config,
    (mspConfig, version) => createMsp(mspConfig, { ...deps, version }),
  );
  const mspManager = createMspManager(channelConfig.msps);
  const policyManager = within(
    "bad-config",
    "initializing policymanager failed",
    // readChannelConfig refuses a configuration without a channel group.
    () => createPolicyManager(config.channelGroup as ConfigGroup, mspManager),
  );
  const configTxValidator = within(
    "bad-config",
    "initializing configtx manager failed",
    () => createConfigTxValidator(channelId, config, policyManager),
  );
  const { application, orderer, capabilities } = channelConfig;
  const ordererEndpoints = endpointsOf(channelConfig);
  return {
    channelId,
    config,
    sequence: Number(config.sequence),
    mspManager,
    policyManager,
    capabilities: application?.capabilities ?? applicationCapabilities(new Set()),
    channelCapabilities: capabilities,
    unsupportedCapabilities: [
      ...unsupportedCapabilities("Channel", channelConfig.capabilityNames),
      ...unsupportedCapabilities("Application", application?.capabilityNames ?? new Set()),
    ],
    unsupportedOrdererCapabilities: unsupportedCapabilities(
      "Orderer",
      orderer?.capabilityNames ?? new Set(),
    ),
    applicationOrgs: application?.orgs ?? [],
    orderer,
    ordererEndpoints,
    ordererAddresses: [...new Set(ordererEndpoints.map(({ address }) => address))],
    acls: application?.acls ?? new Map(),
    channelConfig,
    configTxValidator,
  };
}

/**
 * Where orderers are, and whose TLS roots speak for each: the organisations' own endpoints, or the
 * channel's addresses where no organisation has any. Mirrors ConnectionCriteria of
 * core/deliverservice.
 */
function endpointsOf({ orderer, ordererAddresses }: ChannelConfig): OrdererEndpoint[] {
  const orgs = orderer?.orgs ?? [];
  const own = orgs.flatMap(({ mspId, endpoints }) =>
    endpoints.map((address) => ({ address, mspIds: [mspId] }))
  );
  if (own.length > 0) return own;
  const mspIds = orgs.map(({ mspId }) => mspId);
  return ordererAddresses.map((address) => ({ address, mspIds }));
}

/**
 * The bundle of a configuration block; `index` is where its CONFIG transaction stands.
 * @throws DenimError `bad-config-block`, `bad-config`
 */
export function bundleFromBlock(configBlock: Block, deps: BundleDeps, index = 0): ChannelBundle {
  const { channelHeader, configEnvelope } = openConfigBlock(configBlock, index);
  return createBundle(channelHeader.channelId, configEnvelope.config, deps);
}
