/** One channel of the ordering service: configuration, processing, chain, blocks. Mirrors multichannel/chainsupport.go. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type ChannelBundle, createBundle } from "../channel/bundle.ts";
import { envelopeAt, lastConfigIndex, openConfigEnvelope } from "../channel/config-block.ts";
import {
  type Block,
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import { BlockFeed } from "../ledger/block/block-feed.ts";
import { decode } from "../protocol/decode.ts";
import type { Batch } from "./block-cutter.ts";
import type { BlockEntry, OrdererBlockStore } from "./block-store.ts";
import { BlockWriter, firstBlock } from "./block-writer.ts";
import { type ChainSupport, SoloChain } from "./chain.ts";
import {
  type MessageProcessor,
  type ProcessedConfig,
  type ProcessorModules,
  StandardProcessor,
} from "./message-processor.ts";
import { checkServable, ordererConfig } from "./orderer-config.ts";
import { ordererError } from "./orderer-error.ts";
import { SystemProcessor } from "./system-channel.ts";

export interface ChannelModules extends ProcessorModules {
  readonly store: OrdererBlockStore;
  readonly cutWhenIdle: boolean;
  readonly logger: Logger;
  /** Channels there are, the system channel included. */
  readonly channelsCount: () => number;
  /** The system channel has ordered a new channel and its first block is stored. */
  readonly channelCreated: (channelId: string) => void;
  readonly channelExists: (channelId: string) => boolean;
}

export class OrderedChannel implements ChainSupport {
  readonly channelId: string;
  readonly chain: SoloChain;
  readonly isSystemChannel: boolean;
  readonly processor: MessageProcessor;
  readonly #modules: ChannelModules;
  readonly #writer: BlockWriter;
  readonly #feed: BlockFeed;
  readonly #closing = new AbortController();
  #bundle: ChannelBundle;
  #height: number;

  /** Opens a channel whose blocks are stored. @throws DenimError `damaged-chain`, `bad-orderer-config`, `bad-config` */
  constructor(channelId: string, modules: ChannelModules) {
    const { store } = modules;
    this.channelId = channelId;
    this.#modules = modules;
    this.#height = store.height(channelId);
    const tip = store.block(channelId, this.#height - 1);
    const configNumber = this.#height === 1 ? 0 : Number(lastConfigIndex(tip));
    const config = openConfigEnvelope(envelopeAt(store.block(channelId, configNumber), 0));
    this.#bundle = createBundle(channelId, config.configEnvelope.config, modules.bundleDeps);
    checkServable(this.#bundle);
    this.#writer = new BlockWriter(tip, this.#bundle.sequence, modules.signer);
    this.#feed = new BlockFeed(() => this.#height, (number) => store.block(channelId, number));
    this.isSystemChannel = this.#bundle.channelConfig.consortiums !== undefined;
    const bundle = () => this.#bundle;
    this.processor = this.isSystemChannel
      ? new SystemProcessor(bundle, modules, modules.channelsCount)
      : new StandardProcessor(bundle, modules);
    this.chain = new SoloChain(this, modules);
  }

  bundle(): ChannelBundle {
    return this.#bundle;
  }

  /** Aborted when the orderer closes. */
  get errored(): AbortSignal {
    return this.#closing.signal;
  }

  height(): number {
    return this.#height;
  }

  blocksFrom(blockNumber: number, signal: AbortSignal): AsyncIterable<Block> {
    return this.#feed.from(blockNumber, signal);
  }

  /** Of the configuration in force. */
  sequence(): number {
    return this.#bundle.sequence;
  }

  batchLimits() {
    return ordererConfig(this.#bundle);
  }

  batchTimeoutMs(): number {
    return ordererConfig(this.#bundle).batchTimeoutMs;
  }

  processNormal(message: Envelope): void {
    this.processor.processNormal(message, this.channelId);
  }

  processConfig(message: Envelope): ProcessedConfig {
    return this.processor.processConfig(message);
  }

  write(batch: Batch): void {
    this.#store(batch, this.#bundle);
  }

  writeConfig(message: Envelope): void {
    const { header, data } = decode(PayloadSchema, message.payload);
    const { type } = decode(ChannelHeaderSchema, header?.channelHeader ?? new Uint8Array(0));
    if (type === HeaderType.ORDERER_TRANSACTION) return this.#writeCreation(message, data);
    const { configEnvelope } = openConfigEnvelope(message);
    this.#bundle.configTxValidator.validate(configEnvelope);
    const next = createBundle(this.channelId, configEnvelope.config, this.#modules.bundleDeps);
    this.#store([message], next);
  }

  /** The new channel's first block and the system channel's record of it are stored together. */
  #writeCreation(message: Envelope, data: Uint8Array): void {
    const config = decode(EnvelopeSchema, data);
    const { channelId } = openConfigEnvelope(config).channelHeader;
    // Two creations in a row: the second is recorded, and changes nothing.
    if (this.#modules.channelExists(channelId)) return this.#store([message], this.#bundle);
    this.#store([message], this.#bundle, { channelId, block: firstBlock(config) });
    this.#modules.channelCreated(channelId);
  }

  #store(batch: Batch, bundle: ChannelBundle, ...more: BlockEntry[]): void {
    const block = this.#writer.make(batch, bundle.sequence);
    try {
      this.#modules.store.append(...more, { channelId: this.channelId, block });
    } catch (cause) {
      throw ordererError("not-writable", messageOf(cause), {}, undefined, { cause });
    }
    this.#writer.advance(block, bundle.sequence);
    this.#bundle = bundle;
    this.#height++;
    this.#modules.logger.debug("wrote block", {
      channelId: this.channelId,
      number: Number(block.header?.number),
      transactions: batch.length,
    });
    this.#feed.wake();
  }

  /** Writes what is pending and ends all readers. */
  close(): void {
    this.chain.halt();
    this.#closing.abort();
    this.#feed.close();
  }
}
