/**
 * What turns the blocks of one channel into its ledger: the configuration in force, validation and
 * commit. Where blocks come from is not its business. Mirrors core/peer/peer.go createChain.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type BundleDeps, type ChannelBundle, createBundle } from "../channel/bundle.ts";
import { envelopeAt, openConfigEnvelope } from "../channel/config-block.ts";
import { joinBundle, requireSupportedCapabilities } from "../channel/join.ts";
import type { ChannelConfigSource } from "../channel/types.ts";
import { validateNewBundle } from "../channel/validate-new-bundle.ts";
import { type CommitterOptions, createCommitter } from "../commit/committer.ts";
import type { CollectionEligibility } from "../commit/private-data.ts";
import type { Committer } from "../commit/types.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import type { Block } from "../gen/common/common_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { IdentityDeserializer } from "../msp/types.ts";
import { createBlockValidator } from "../validation/block-validator.ts";

export interface PipelineOptions {
  readonly ecdsa: EcdsaProvider;
  /** Identities of another channel this peer has joined, "" for the local MSP. */
  readonly identitiesOf?: (channelId: string) => IdentityDeserializer | undefined;
  /** Which collections' data this peer may hold, for the state before the next block. */
  readonly newEligibility: (source: ChannelConfigSource) => CollectionEligibility;
  readonly transientRetentionBlocks?: number;
  /** Called when another configuration is in force. */
  readonly onConfig?: () => void;
  /** See `CommitterOptions`. */
  readonly fetchPrivateData?: CommitterOptions["fetchPrivateData"];
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ChannelPipeline implements ChannelConfigSource {
  readonly committer: Committer;
  readonly #deps: BundleDeps;
  readonly #logger: Logger;
  readonly #onConfig: () => void;
  #bundle: ChannelBundle;

  /** @throws DenimError where the configuration in force cannot be used by this peer */
  constructor(readonly ledger: PeerLedger, options: PipelineOptions) {
    const { ecdsa, clock, logger, identitiesOf, newEligibility } = options;
    const { channelId } = ledger;
    this.#logger = logger;
    this.#onConfig = options.onConfig ?? (() => {});
    this.#deps = { provider: ecdsa, clock };
    this.#bundle = joinBundle(this.configBlock(), this.#deps, ledger.configVersion()?.txNumber);
    this.committer = createCommitter({
      channelId,
      validator: createBlockValidator({
        channelId,
        bundleSource: this,
        ledger,
        ecdsa,
        configTx: { validate: (config) => this.#bundle.configTxValidator.validate(config) },
        foreignIdentities: identitiesOf,
        logger: logger.named("committer.txvalidator"),
      }),
      ledger,
      bundleSource: this,
      prepareConfig: (block, index) => this.#prepareConfig(block, index),
      newEligibility: () => newEligibility(this),
      transientRetentionBlocks: options.transientRetentionBlocks,
      fetchPrivateData: options.fetchPrivateData,
      clock,
      logger: logger.named("committer"),
    });
  }

  bundle(): ChannelBundle {
    return this.#bundle;
  }

  /** The configuration block in force, as committed. */
  configBlock(): Block {
    return this.ledger.blockByNumber(this.ledger.configVersion()?.blockNumber ?? 0);
  }

  /** The configuration of a block that is about to be committed. @throws DenimError */
  #prepareConfig(block: Block, index: number): () => void {
    const { channelHeader, configEnvelope } = openConfigEnvelope(envelopeAt(block, index));
    const next = createBundle(channelHeader.channelId, configEnvelope.config, this.#deps);
    validateNewBundle(this.#bundle, next);
    requireSupportedCapabilities(next);
    return () => {
      this.#bundle = next;
      this.#logger.info(`[${this.ledger.channelId}] configuration ${next.sequence} is in force`);
      this.#onConfig();
    };
  }
}
