/** The ordering service's settings. Mirrors common/channelconfig/orderer.go. */
import { CapabilitiesSchema } from "../gen/common/configuration_pb.ts";
import type { ConfigGroup } from "../gen/common/configtx_pb.ts";
import {
  BatchSizeSchema,
  BatchTimeoutSchema,
  ChannelRestrictionsSchema,
  ConsensusTypeSchema,
  KafkaBrokersSchema,
} from "../gen/orderer/configuration_pb.ts";
import type { BatchSize } from "../gen/orderer/configuration_pb.ts";
import { type OrdererCapabilities, ordererCapabilities } from "./capabilities.ts";
import { channelError } from "./channel-error.ts";
import { parseGoDuration } from "../base/duration.ts";
import { groupValues } from "./group-values.ts";
import { type OrdererOrg, readOrdererOrg } from "./organization-config.ts";
import type { PendingMsps } from "./pending-msps.ts";
import type { OrdererSettings } from "./types.ts";

/** What `/Channel/Orderer` says. */
export interface OrdererConfig extends OrdererSettings {
  readonly consensusMetadata: Uint8Array;
  readonly orgs: readonly OrdererOrg[];
  readonly capabilityNames: ReadonlySet<string>;
  readonly capabilities: OrdererCapabilities;
}

/** @throws DenimError `bad-config` with Fabric's reason */
export function readOrdererConfig(
  group: ConfigGroup,
  msps: PendingMsps,
  endpointsAllowed: boolean,
): OrdererConfig {
  const values = groupValues(group, {
    ConsensusType: ConsensusTypeSchema,
    BatchSize: BatchSizeSchema,
    BatchTimeout: BatchTimeoutSchema,
    KafkaBrokers: KafkaBrokersSchema,
    ChannelRestrictions: ChannelRestrictionsSchema,
    Capabilities: CapabilitiesSchema,
  });
  validateBatchSize(values.BatchSize);
  const batchTimeoutMs = batchTimeout(values.BatchTimeout.timeout);
  for (const broker of values.KafkaBrokers.brokers) {
    if (!seemsBroker(broker)) throw channelError("bad-config", `Invalid broker entry: ${broker}`);
  }
  const orgs = Object.keys(group.groups).sort().map((name) =>
    readOrdererOrg(name, group.groups[name], msps, endpointsAllowed)
  );
  const capabilityNames = new Set(Object.keys(values.Capabilities.capabilities));
  return {
    consensusType: values.ConsensusType.type,
    consensusMetadata: values.ConsensusType.metadata,
    consensusState: values.ConsensusType.state,
    maxMessageCount: values.BatchSize.maxMessageCount,
    absoluteMaxBytes: values.BatchSize.absoluteMaxBytes,
    preferredMaxBytes: values.BatchSize.preferredMaxBytes,
    batchTimeoutMs,
    maxChannels: Number(values.ChannelRestrictions.maxCount),
    orgMspIds: orgs.map((org) => org.mspId),
    orgs,
    capabilityNames,
    capabilities: ordererCapabilities(capabilityNames),
  };
}

function validateBatchSize(size: BatchSize): void {
  const limits = [
    ["max message count", size.maxMessageCount],
    ["absolute max bytes", size.absoluteMaxBytes],
    ["preferred max bytes", size.preferredMaxBytes],
  ] as const;
  for (const [name, value] of limits) {
    if (value === 0) {
      throw channelError(
        "bad-config",
        `Attempted to set the batch size ${name} to an invalid value: 0`,
      );
    }
  }
  if (size.preferredMaxBytes > size.absoluteMaxBytes) {
    throw channelError(
      "bad-config",
      `Attempted to set the batch size preferred max bytes (${size.preferredMaxBytes}) greater ` +
        `than the absolute max bytes (${size.absoluteMaxBytes}).`,
    );
  }
}

function batchTimeout(timeout: string): number {
  const milliseconds = parseGoDuration(timeout);
  if (milliseconds === undefined) {
    throw channelError(
      "bad-config",
      `Attempted to set the batch timeout to a invalid value: time: invalid duration ${timeout}`,
    );
  }
  if (milliseconds <= 0) {
    throw channelError(
      "bad-config",
      `Attempted to set the batch timeout to a non-positive value: ${timeout}`,
    );
  }
  return milliseconds;
}

/** host:port with a host of letters, digits, dots and hyphens. */
function seemsBroker(broker: string): boolean {
  const match = /^([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9]):(\d+)$/.exec(broker);
  return match !== null && Number(match[2]) <= 65_535;
}
