/** Blocks that carry a configuration. Mirrors protos/utils/{commonutils,blockutils}.go and cscc's checks. */
import { messageOf } from "../base/errors.ts";
import {
  type Block,
  BlockMetadataIndex,
  type ChannelHeader,
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  HeaderType,
  LastConfigSchema,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import {
  type Config,
  type ConfigEnvelope,
  ConfigEnvelopeSchema,
} from "../gen/common/configtx_pb.ts";
import { blockMetadata } from "../protocol/block.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { channelError, within } from "./channel-error.ts";
import { envelopeOfType } from "./envelope-of-type.ts";
import { applicationGroup } from "./group-names.ts";

const code = "bad-config-block";

/** A configuration transaction, opened. */
export interface OpenedConfig {
  readonly channelHeader: ChannelHeader;
  readonly configEnvelope: ConfigEnvelope & { readonly config: Config };
}

/**
 * The CONFIG transaction of a block.
 * @param index where it stands; orderers make it the only one, but peers take it anywhere
 * @throws DenimError `bad-config-block` with cscc's reason
 */
export function openConfigBlock(block: Block, index = 0): OpenedConfig {
  const envelope = within(code, "Failed to", () => envelopeAt(block, index));
  return openConfigEnvelope(envelope);
}

/** A CONFIG transaction. @throws DenimError `bad-config-block` with cscc's reason */
export function openConfigEnvelope(envelope: Envelope): OpenedConfig {
  const { channelHeader, message } = within(
    code,
    "Bad configuration envelope",
    () => envelopeOfType(envelope, HeaderType.CONFIG, ConfigEnvelopeSchema),
  );
  const { config } = message;
  if (config === undefined) throw channelError(code, "Nil config envelope Config");
  return { channelHeader, configEnvelope: Object.assign(message, { config }) };
}

/** The configuration in a block. @throws DenimError `bad-config-block` */
export function configFromBlock(block: Block): Config {
  return openConfigBlock(block).configEnvelope.config;
}

/**
 * May this block be joined? Mirrors cscc's validateConfigBlock.
 * @throws DenimError `bad-config-block` with cscc's reason
 */
export function validateConfigBlock(block: Block): void {
  const { channelGroup } = configFromBlock(block);
  if (channelGroup === undefined) throw channelError(code, "Nil channel group");
  if (Object.keys(channelGroup.groups).length === 0) {
    throw channelError(code, "No channel configuration groups are available");
  }
  if (!Object.hasOwn(channelGroup.groups, applicationGroup)) {
    throw channelError(
      code,
      `Invalid configuration block, missing ${applicationGroup} configuration group`,
    );
  }
}

/** One transaction of a block. @throws DenimError `bad-config-block` with Fabric's reason */
export function envelopeAt(block: Block, index: number): Envelope {
  if (block.data === undefined) throw channelError(code, "block data is nil");
  const { data } = block.data;
  if (index < 0 || index >= data.length) {
    throw channelError(code, "envelope index out of bounds");
  }
  return within(
    code,
    `block data does not carry an envelope at index ${index}`,
    () => decodeAsGo(EnvelopeSchema, data[index]),
  );
}

/** The channel a block belongs to, told by its first transaction. @throws DenimError `bad-block` */
export function channelIdOf(block: Block): string {
  return channelHeaderOf(block).channelId;
}

/** Does the block carry a configuration (of this channel, or of a new one in a system channel)? */
export function isConfigBlock(block: Block): boolean {
  try {
    const { type } = channelHeaderOf(block);
    return type === HeaderType.CONFIG || type === HeaderType.ORDERER_TRANSACTION;
  } catch {
    return false;
  }
}

/** Number of the configuration block in force at a block, from its metadata. @throws DenimError `bad-block` */
export function lastConfigIndex(block: Block): bigint {
  try {
    const { value } = blockMetadata(block, BlockMetadataIndex.LAST_CONFIG);
    return decodeAsGo(LastConfigSchema, value).index;
  } catch (error) {
    throw channelError("bad-block", messageOf(error), { number: block.header?.number });
  }
}

function channelHeaderOf(block: Block): ChannelHeader {
  const first = block.data?.data[0];
  if (first === undefined) {
    throw channelError("bad-block", "failed to retrieve channel id - block is empty");
  }
  return within("bad-block", "", () => {
    const payload = decodeAsGo(PayloadSchema, decodeAsGo(EnvelopeSchema, first).payload);
    if (payload.header === undefined) {
      throw channelError(
        "bad-block",
        "failed to retrieve channel id - payload header is empty",
      );
    }
    return decodeAsGo(ChannelHeaderSchema, payload.header.channelHeader);
  });
}
