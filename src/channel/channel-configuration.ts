/** The configuration of one joined channel as it changes block by block. Mirrors chainSupport.Apply in core/peer. */
import { messageOf } from "../base/errors.ts";
import { type Block, BlockMetadataIndex } from "../gen/common/common_pb.ts";
import type { ConfigEnvelope } from "../gen/common/configtx_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { metadataSlot } from "../protocol/block.ts";
import { type BundleDeps, type ChannelBundle, createBundle } from "./bundle.ts";
import { channelError } from "./channel-error.ts";
import { isConfigBlock, openConfigBlock } from "./config-block.ts";
import { requireSupportedCapabilities } from "./join.ts";
import type { ChannelConfigSource } from "./types.ts";
import { validateNewBundle } from "./validate-new-bundle.ts";

/**
 * The block may be valid to others, so it must neither be committed nor flagged: the peer has to stop
 * at it. No DenimError, because those become flags.
 */
export class IncompatiblePeerError extends Error {
  override readonly name = "IncompatiblePeerError";
}

/** Holds the bundle in force; validation judges the next one, commit puts it in force. */
export class ChannelConfiguration implements ChannelConfigSource {
  #bundle: ChannelBundle;
  readonly #listeners = new Set<(bundle: ChannelBundle) => void>();

  /** @param initial of the newest configuration block in the ledger */
  constructor(initial: ChannelBundle, private readonly deps: BundleDeps) {
    this.#bundle = initial;
  }

  bundle(): ChannelBundle {
    return this.#bundle;
  }

  /**
   * May this configuration follow the one in force?
   * @throws DenimError `bad-config-update`, `bad-config` with Fabric's reason
   * @throws IncompatiblePeerError where the configuration is right, but this peer is too old for it
   */
  validate(configEnvelope: ConfigEnvelope): void {
    const next = this.#next(configEnvelope);
    try {
      requireSupportedCapabilities(next);
    } catch (cause) {
      throw new IncompatiblePeerError(messageOf(cause), { cause });
    }
  }

  /**
   * Puts a committed configuration block in force; other blocks, and configurations that were
   * flagged invalid, change nothing.
   * @returns the new bundle, undefined where the block carries none
   * @throws as `validate`
   */
  commit(block: Block): ChannelBundle | undefined {
    if (!isConfigBlock(block)) return undefined;
    const flag = metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER)[0] ?? 0;
    if (flag !== TxValidationCode.VALID) return undefined;
    const { configEnvelope } = openConfigBlock(block);
    if (configEnvelope.config.sequence === this.#bundle.config.sequence) return undefined;
    this.#bundle = this.#next(configEnvelope);
    for (const listener of this.#listeners) listener(this.#bundle);
    return this.#bundle;
  }

  /** Calls `listener` after each change. @returns stops that */
  onChange(listener: (bundle: ChannelBundle) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #next(configEnvelope: ConfigEnvelope): ChannelBundle {
    const { config } = configEnvelope;
    if (config === undefined) {
      throw channelError("bad-config-update", "config envelope has nil config");
    }
    this.#bundle.configTxValidator.validate(configEnvelope);
    const next = createBundle(this.#bundle.channelId, config, this.deps);
    validateNewBundle(this.#bundle, next);
    return next;
  }
}
