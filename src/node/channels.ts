/** The channels of one peer: opened at start, joined later. Mirrors core/peer/peer.go. */
import { DenimError, messageOf } from "../base/errors.ts";
import type { Bundle } from "../channel/types.ts";
import type { Block } from "../gen/common/common_pb.ts";
import type { LedgerProvider, PeerLedger } from "../ledger/types.ts";
import type { ChannelAccess } from "../syscc/types.ts";
import { type ChannelServices, PeerChannel } from "./peer-channel.ts";
import { joinBundle } from "../channel/join.ts";

export class Channels implements ChannelAccess {
  /** Why channels that are on disk could not be opened. */
  readonly failures = new Map<string, unknown>();
  readonly #channels = new Map<string, PeerChannel>();

  constructor(
    private readonly ledgers: LedgerProvider,
    private readonly services: ChannelServices,
  ) {}

  /** Opens what is on disk. A channel that cannot be opened is reported and left closed. */
  openAll(): void {
    for (const channelId of this.ledgers.list()) {
      try {
        this.#channels.set(channelId, new PeerChannel(this.ledgers.open(channelId), this.services));
      } catch (error) {
        this.failures.set(channelId, error);
        this.services.logger.error(
          `cannot open channel ${channelId}: ${messageOf(error)}; the peer goes on without it`,
          { channelId, hint: error instanceof DenimError ? error.hint : undefined },
        );
      }
    }
  }

  get(channelId: string): PeerChannel | undefined {
    return this.#channels.get(channelId);
  }

  ids(): string[] {
    return [...this.#channels.keys()].toSorted();
  }

  bundle(channelId: string): Bundle | undefined {
    return this.#channels.get(channelId)?.bundle();
  }

  /** The configurations in force of all channels. */
  bundles(): Bundle[] {
    return [...this.#channels.values()].map((channel) => channel.bundle());
  }

  ledger(channelId: string): PeerLedger | undefined {
    return this.#channels.get(channelId)?.ledger;
  }

  /** The ledgers of all channels that are open. */
  openLedgers(): PeerLedger[] {
    return [...this.#channels.values()].map(({ ledger }) => ledger);
  }

  /**
   * Joins a channel with its first block and begins to pull the others.
   * @throws DenimError with Fabric's text (`ledger already exists`, a configuration this peer cannot use)
   */
  join(channelId: string, block: Block): void {
    // Before anything is on disk: a configuration this peer cannot use leaves no trace.
    joinBundle(block, { provider: this.services.ecdsa, clock: this.services.clock });
    let ledger: PeerLedger;
    try {
      ledger = this.ledgers.create(channelId, block);
    } catch (error) {
      throw new DenimError(
        error instanceof DenimError ? error.code : "join-failed",
        `cannot create ledger from genesis block: ${messageOf(error)}`,
        { channelId },
        undefined,
        { cause: error },
      );
    }
    const channel = new PeerChannel(ledger, this.services);
    this.#channels.set(channelId, channel);
    this.services.onConfig?.();
    channel.start();
    this.services.logger.info(`joined channel ${channelId}`);
  }

  startAll(): void {
    for (const channel of this.#channels.values()) channel.start();
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.stop()));
  }
}
