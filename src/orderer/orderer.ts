/** The embedded ordering service: orderer.AtomicBroadcast over local storage. Mirrors orderer/common/server. */
import { create } from "@bufbuild/protobuf";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import { DeliverHandler } from "../deliver/handler.ts";
import type { ChannelBlocks, DeliverKind } from "../deliver/types.ts";
import type { Block } from "../gen/common/common_pb.ts";
import {
  AtomicBroadcast,
  type DeliverResponse,
  DeliverResponseSchema,
} from "../gen/orderer/ab_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import type { RpcServer } from "../rpc/types.ts";
import { OrdererBlockStore } from "./block-store.ts";
import { BroadcastHandler } from "./broadcast.ts";
import { checkReader } from "./message-filters.ts";
import type { OrderedChannel } from "./ordered-channel.ts";
import { ordererError } from "./orderer-error.ts";
import { Registrar } from "./registrar.ts";

export interface OrdererOptions {
  /** Holds the one database file; made where it does not exist. */
  readonly dataDirectory: string;
  /** Signs blocks and configurations; must satisfy /Channel/Writers and BlockValidation. */
  readonly signer: SigningIdentity;
  /** Begins the system channel in an empty directory; must be the stored one's otherwise. */
  readonly systemChannelGenesis: Block;
  readonly provider: EcdsaProvider;
  readonly clock?: Clock;
  readonly logger: Logger;
  /** Development: cut a block as soon as no more messages come, not after the batch timeout. */
  readonly cutWhenIdle?: boolean;
}

export interface OrdererServices {
  /** The listener requires client certificates, so seek requests must name theirs. */
  readonly mutualTls: boolean;
  /** Greatest distance between a request's time and ours; Fabric's General.Authentication.TimeWindow. */
  readonly timeWindowMs?: number;
}

export interface Orderer {
  readonly systemChannelId: string;
  /** The system channel and all others, sorted. */
  channelIds(): string[];
  /** Number of blocks; 0 for a channel that does not exist. */
  height(channelId: string): number;
  /** Registers orderer.AtomicBroadcast. */
  register(server: RpcServer, services: OrdererServices): void;
  /** Writes what is pending, ends all deliver streams, closes the database. Safe to call twice. */
  close(): void;
}

/**
 * Opens the data directory, or begins it with the genesis block.
 * @throws DenimError `wrong-genesis`, `bad-orderer-config`, `damaged-chain`, `ledger-damaged`, `ledger-locked`
 */
export function createOrderer(options: OrdererOptions): Orderer {
  const store = new OrdererBlockStore(options.dataDirectory);
  const clock = options.clock ?? systemClock;
  const logger = options.logger.named("orderer");
  try {
    const registrar = new Registrar(options.systemChannelGenesis, {
      store,
      clock,
      logger,
      signer: options.signer,
      cutWhenIdle: options.cutWhenIdle ?? false,
      bundleDeps: { provider: options.provider, clock },
    });
    return new EmbeddedOrderer(store, registrar, clock, logger);
  } catch (error) {
    store.close();
    throw error;
  }
}

class EmbeddedOrderer implements Orderer {
  #closed = false;

  constructor(
    readonly store: OrdererBlockStore,
    readonly registrar: Registrar,
    readonly clock: Clock,
    readonly logger: Logger,
  ) {}

  get systemChannelId(): string {
    return this.registrar.system.channelId;
  }

  channelIds(): string[] {
    return this.registrar.channelIds();
  }

  height(channelId: string): number {
    return this.registrar.channel(channelId)?.height() ?? 0;
  }

  register(server: RpcServer, services: OrdererServices): void {
    const broadcast = new BroadcastHandler(this.registrar, this.logger);
    const deliver = new DeliverHandler({
      channel: (channelId) => deliverView(this.registrar.channel(channelId)),
      clock: this.clock,
      logger: this.logger,
      ...services,
    });
    const kind: DeliverKind<DeliverResponse> = {
      checkAccess: (signed, channelId) => {
        const channel = this.registrar.channel(channelId);
        if (!channel) {
          throw ordererError("channel-does-not-exist", `channel ${channelId} not found`);
        }
        checkReader(signed, channel.bundle());
      },
      status: (value) => create(DeliverResponseSchema, { Type: { case: "status", value } }),
      block: (value) => create(DeliverResponseSchema, { Type: { case: "block", value } }),
    };
    server.register(AtomicBroadcast, {
      broadcast: (messages, context) => broadcast.handle(messages, context),
      deliver: (requests, context) => deliver.handle(requests, context, kind),
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.registrar.close();
    this.store.close();
  }
}

function deliverView(channel: OrderedChannel | undefined): ChannelBlocks | undefined {
  return channel && {
    height: () => channel.height(),
    blocksFrom: (blockNumber, signal) => channel.blocksFrom(blockNumber, signal),
    sequence: () => BigInt(channel.bundle().sequence),
    errored: channel.errored,
  };
}
