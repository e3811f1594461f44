/** All channels of the ordering service. Mirrors orderer/common/multichannel/registrar.go. */
import { equal, hex } from "../base/bytes.ts";
import { bundleFromBlock } from "../channel/bundle.ts";
import { channelIdOf } from "../channel/config-block.ts";
import type { Block, ChannelHeader, Envelope } from "../gen/common/common_pb.ts";
import { ChannelHeaderSchema, PayloadSchema } from "../gen/common/common_pb.ts";
import { blockHeaderHash } from "../protocol/block.ts";
import { decode } from "../protocol/decode.ts";
import { classify } from "./message-processor.ts";
import { type ChannelModules, OrderedChannel } from "./ordered-channel.ts";
import { checkServable } from "./orderer-config.ts";
import { ordererError, withContext } from "./orderer-error.ts";

/** A broadcast message with the channel that processes it. */
export interface Routed {
  readonly header: ChannelHeader;
  readonly isConfigUpdate: boolean;
  readonly channel: OrderedChannel;
}

export class Registrar {
  readonly #channels = new Map<string, OrderedChannel>();
  readonly #modules: ChannelModules;
  readonly system: OrderedChannel;

  /**
   * Opens the stored channels; with none stored, begins the system channel from its genesis block.
   * @throws DenimError `wrong-genesis`, `damaged-chain`, `bad-orderer-config`
   */
  constructor(
    systemChannelGenesis: Block,
    modules: Omit<ChannelModules, "channelsCount" | "channelCreated" | "channelExists">,
  ) {
    this.#modules = {
      ...modules,
      channelsCount: () => this.#channels.size,
      channelCreated: (channelId) => this.#open(channelId),
      channelExists: (channelId) => this.#channels.has(channelId),
    };
    const { store } = modules;
    const systemId = channelIdOf(systemChannelGenesis);
    if (store.channelIds().length === 0) {
      this.#requireSystemChannel(systemChannelGenesis);
      store.append({ channelId: systemId, block: systemChannelGenesis });
    }
    this.#requireSameGenesis(systemId, systemChannelGenesis);
    for (const channelId of store.channelIds()) this.#open(channelId);
    const system = this.#channels.get(systemId);
    const other = [...this.#channels.values()].find((channel) =>
      channel.isSystemChannel && channel !== system
    );
    if (!system || other) {
      this.close();
      throw ordererError(
        "damaged-chain",
        `There appear to be two system chains ${systemId} and ${other?.channelId}`,
        { systemId },
      );
    }
    this.system = system;
  }

  /** Before anything is stored: a directory begun with another block is of no use to anyone. */
  #requireSystemChannel(genesis: Block): void {
    const bundle = bundleFromBlock(genesis, this.#modules.bundleDeps);
    checkServable(bundle);
    if (bundle.channelConfig.consortiums && genesis.header?.number === 0n) return;
    throw ordererError(
      "wrong-genesis",
      `the block of channel ${bundle.channelId} is not the genesis block of a system channel`,
      { channelId: bundle.channelId },
      "Does its configuration contain a consortiums group definition?",
    );
  }

  #requireSameGenesis(systemId: string, genesis: Block): void {
    const { store } = this.#modules;
    const stored = store.height(systemId) > 0 ? store.block(systemId, 0).header : undefined;
    if (
      stored && genesis.header && equal(blockHeaderHash(stored), blockHeaderHash(genesis.header))
    ) {
      return;
    }
    throw ordererError(
      "wrong-genesis",
      `${store.file} holds the channels of another genesis block`,
      { systemId, stored: stored && hex(blockHeaderHash(stored)) },
      "Start with the genesis block it was made from, or with an empty data directory.",
    );
  }

  #open(channelId: string): void {
    const channel = withContext(
      `channel ${channelId}`,
      () => new OrderedChannel(channelId, this.#modules),
    );
    this.#channels.set(channelId, channel);
    this.#modules.logger.info(`started channel '${channelId}'`, { height: channel.height() });
  }

  channelIds(): string[] {
    return [...this.#channels.keys()].sort();
  }

  channel(channelId: string): OrderedChannel | undefined {
    return this.#channels.get(channelId);
  }

  /**
   * The channel that processes a broadcast message: its own, or the system channel for a channel
   * that does not exist.
   * @throws DenimError `bad-message`
   */
  route(message: Envelope): Routed {
    const header = withContext("could not determine channel ID", () => channelHeaderOf(message));
    const channel = this.#channels.get(header.channelId) ?? this.system;
    const kind = classify(header);
    if (kind === "config") {
      throw ordererError(
        "bad-message",
        "message is of type that cannot be processed directly",
        { type: header.type },
      );
    }
    return { header, isConfigUpdate: kind === "config-update", channel };
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
  }
}

function channelHeaderOf(message: Envelope): ChannelHeader {
  const { header } = decode(PayloadSchema, message.payload);
  if (!header) throw ordererError("bad-message", "header not set");
  if (header.channelHeader.length === 0) {
    throw ordererError("bad-message", "channel header not set");
  }
  return decode(ChannelHeaderSchema, header.channelHeader);
}
