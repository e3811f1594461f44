/** Compiled channel configurations. Mirrors common/channelconfig/bundle.go. */
import type { Block } from "../gen/common/common_pb.ts";
import type { Config, ConfigGroup } from "../gen/common/configtx_pb.ts";
import type { MSPConfig } from "../gen/msp/msp_config_pb.ts";
import { createMspManager } from "../msp/msp-manager.ts";
import type { MspVersion } from "../msp/version.ts";
import type { Msp, MspManager } from "../msp/types.ts";
import type { PolicyManager } from "../policy/types.ts";
import { applicationCapabilities, unsupportedCapabilities } from "./capabilities.ts";
import { type ChannelConfig, readChannelConfig } from "./channel-config.ts";
import { within } from "./channel-error.ts";
import { openConfigBlock } from "./config-block.ts";
import { createConfigTxValidator } from "./config-update.ts";
import type { Bundle, ConfigTxValidator } from "./types.ts";

/** How a bundle gets its MSPs and policies. */
export interface BundleDeps {
  /** Sets up one MSP. @throws DenimError with Fabric's reason */
  createMsp(config: MSPConfig, version: MspVersion): Msp;
  /** Compiles the policies of the tree. @throws DenimError with Fabric's reason */
  createPolicyManager(channelGroup: ConfigGroup, mspManager: MspManager): PolicyManager;
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
  const channelConfig = readChannelConfig(config, deps.createMsp);
  const mspManager = createMspManager(channelConfig.msps);
  const policyManager = within(
    "bad-config",
    "initializing policymanager failed",
    // readChannelConfig refuses a configuration without a channel group.
    () => deps.createPolicyManager(config.channelGroup as ConfigGroup, mspManager),
  );
  const configTxValidator = within(
    "bad-config",
    "initializing configtx manager failed",
    () => createConfigTxValidator(channelId, config, policyManager),
  );
  const { application, orderer, capabilities } = channelConfig;
  const endpoints = orderer?.orgs.flatMap((org) => org.endpoints) ?? [];
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
    ordererAddresses: [...new Set([...channelConfig.ordererAddresses, ...endpoints])],
    acls: application?.acls ?? new Map(),
    channelConfig,
    configTxValidator,
  };
}

/** The bundle of a configuration block. @throws DenimError `bad-config-block`, `bad-config` */
export function bundleFromBlock(configBlock: Block, deps: BundleDeps): ChannelBundle {
  const { channelHeader, configEnvelope } = openConfigBlock(configBlock);
  return createBundle(channelHeader.channelId, configEnvelope.config, deps);
}
