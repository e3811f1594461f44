/**
 * Is this block one that a peer can join a channel with? Mirrors validateConfigBlock in
 * core/scc/cscc/configure.go and GetChainIDFromBlock in protos/utils/blockutils.go.
 */
import { DenimError, messageOf } from "../../base/errors.ts";
import {
  type Block,
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../../gen/common/common_pb.ts";
import { ConfigEnvelopeSchema } from "../../gen/common/configtx_pb.ts";
import { decode } from "../../protocol/decode.ts";

/** The channel that a block's first transaction names. @throws DenimError with Fabric's text */
export function channelIdOf(block: Block): string {
  const first = block.data?.data[0];
  if (first === undefined) {
    throw new DenimError("bad-block", "failed to retrieve channel id - block is empty");
  }
  const { header } = decode(PayloadSchema, decode(EnvelopeSchema, first).payload);
  if (header === undefined) {
    throw new DenimError("bad-block", "failed to retrieve channel id - payload header is empty");
  }
  return decode(ChannelHeaderSchema, header.channelHeader).channelId;
}

/** @throws DenimError `bad-block` with Fabric's text */
export function checkConfigBlock(block: Block): void {
  const envelope = firstEnvelope(block);
  let config;
  try {
    const payload = decode(PayloadSchema, envelope.payload);
    if (payload.header === undefined) throw bad("envelope must have a Header");
    const { type } = decode(ChannelHeaderSchema, payload.header.channelHeader);
    if (type !== HeaderType.CONFIG) {
      throw bad(`invalid type ${HeaderType[type] ?? type}, expected CONFIG`);
    }
    config = decode(ConfigEnvelopeSchema, payload.data, "message for type CONFIG").config;
  } catch (error) {
    throw bad(`Bad configuration envelope: ${messageOf(error)}`);
  }
  if (config === undefined) throw bad("Nil config envelope Config");
  if (config.channelGroup === undefined) throw bad("Nil channel group");
  const groups = Object.keys(config.channelGroup.groups);
  if (groups.length === 0) throw bad("No channel configuration groups are available");
  if (!groups.includes("Application")) {
    throw bad("Invalid configuration block, missing Application configuration group");
  }
}

function firstEnvelope(block: Block): Envelope {
  if (block.data === undefined) throw bad("Failed to block data is nil");
  const first = block.data.data[0];
  if (first === undefined) throw bad("Failed to envelope index out of bounds");
  try {
    return decode(EnvelopeSchema, first);
  } catch (error) {
    throw bad(`Failed to block data does not carry an envelope at index 0: ${messageOf(error)}`);
  }
}

function bad(message: string): DenimError {
  return new DenimError("bad-block", message);
}
