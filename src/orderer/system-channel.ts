/** The system channel's processing: it also makes new channels. Mirrors orderer/common/msgprocessor/systemchannel*.go. */
import { toBinary } from "@bufbuild/protobuf";
import { type ChannelBundle, createBundle } from "../channel/bundle.ts";
import { newChannel } from "../channel/new-channel.ts";
import {
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import { ConfigEnvelopeSchema } from "../gen/common/configtx_pb.ts";
import { ConsensusType_State } from "../gen/orderer/configuration_pb.ts";
import { decode } from "../protocol/decode.ts";
import {
  lastUpdateOf,
  type ProcessedConfig,
  type ProcessorModules,
  requireConfig,
  StandardProcessor,
} from "./message-processor.ts";
import { checkServable, ordererConfig } from "./orderer-config.ts";
import { ordererError, withContext } from "./orderer-error.ts";

export class SystemProcessor extends StandardProcessor {
  /** @param channelsCount channels there are, the system channel included */
  constructor(
    bundle: () => ChannelBundle,
    modules: ProcessorModules,
    readonly channelsCount: () => number,
  ) {
    super(bundle, modules);
  }

  override processNormal(message: Envelope, channelId: string): number {
    if (channelId !== this.bundle().channelId) {
      throw ordererError("channel-does-not-exist", "channel does not exist", { channelId });
    }
    return super.processNormal(message, channelId);
  }

  override processConfigUpdate(update: Envelope, channelId: string): ProcessedConfig {
    const system = this.bundle();
    if (channelId === system.channelId) return super.processConfigUpdate(update, channelId);
    this.#checkRoom(system);
    const { configEnvelope } = newChannel(system, update, this.modules.bundleDeps);
    this.#checkNewConfig(channelId, requireConfig(configEnvelope));
    const config = this.sign(
      HeaderType.CONFIG,
      channelId,
      toBinary(ConfigEnvelopeSchema, configEnvelope),
    );
    const envelope = this.sign(
      HeaderType.ORDERER_TRANSACTION,
      system.channelId,
      toBinary(EnvelopeSchema, config),
    );
    // The creation is authorized by the consortium's policy; what we made of it must pass as ours.
    this.filter(envelope);
    return { envelope, sequence: system.sequence };
  }

  override processConfig(message: Envelope): ProcessedConfig {
    const payload = decode(PayloadSchema, message.payload);
    const header = decode(
      ChannelHeaderSchema,
      payload.header?.channelHeader ?? new Uint8Array(0),
    );
    if (header.type !== HeaderType.ORDERER_TRANSACTION) return super.processConfig(message);
    const config = decode(EnvelopeSchema, payload.data);
    const inner = decode(
      ChannelHeaderSchema,
      decode(PayloadSchema, config.payload).header?.channelHeader ?? new Uint8Array(0),
    );
    return this.processConfigUpdate(lastUpdateOf(config), inner.channelId);
  }

  #checkRoom(system: ChannelBundle): void {
    const { maxChannels, consensusState } = ordererConfig(system);
    if (maxChannels > 0 && this.channelsCount() > maxChannels) {
      throw ordererError(
        "bad-message",
        `channel creation would exceed maximimum number of channels: ${maxChannels}`,
        { maxChannels },
      );
    }
    if (consensusState !== ConsensusType_State.NORMAL) {
      throw ordererError(
        "maintenance-mode",
        "channel creation is not permitted: maintenance mode",
      );
    }
  }

  #checkNewConfig(channelId: string, config: Parameters<typeof createBundle>[1]): void {
    const bundle = withContext(
      "config does not validly parse",
      () => createBundle(channelId, config, this.modules.bundleDeps),
    );
    withContext("config update is not compatible", () => checkServable(bundle));
  }
}
