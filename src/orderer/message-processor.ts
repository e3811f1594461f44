/** Turns what clients broadcast into what is ordered. Mirrors orderer/common/msgprocessor/standardchannel.go. */
import type { Clock } from "../base/clock.ts";
import { type BundleDeps, type ChannelBundle, createBundle } from "../channel/bundle.ts";
import { envelopeOfType } from "../channel/envelope-of-type.ts";
import { validateNewBundle } from "../channel/validate-new-bundle.ts";
import { type ChannelHeader, type Envelope, HeaderType } from "../gen/common/common_pb.ts";
import {
  type Config,
  type ConfigEnvelope,
  ConfigEnvelopeSchema,
} from "../gen/common/configtx_pb.ts";
import { ConsensusType_State } from "../gen/orderer/configuration_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createSignedEnvelope } from "../protocol/envelope.ts";
import { newNonce } from "../protocol/txid.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";
import { filterMessage } from "./message-filters.ts";
import { checkServable, ordererConfig } from "./orderer-config.ts";
import { ordererError, withContext } from "./orderer-error.ts";

export type Classification = "normal" | "config-update" | "config";

/** How a message is processed; CONFIG and ORDERER_TRANSACTION are made by orderers only. */
export function classify(header: ChannelHeader): Classification {
  switch (header.type) {
    case HeaderType.CONFIG_UPDATE:
      return "config-update";
    case HeaderType.CONFIG:
    case HeaderType.ORDERER_TRANSACTION:
      return "config";
    default:
      return "normal";
  }
}

/** A configuration message ready to be ordered, and the sequence it was computed from. */
export interface ProcessedConfig {
  readonly envelope: Envelope;
  readonly sequence: number;
}

/** What processing needs besides the channel. */
export interface ProcessorModules {
  readonly signer: SigningIdentity;
  readonly bundleDeps: BundleDeps;
  readonly clock: Clock;
}

/** Processing for one channel. All of it throws DenimErrors that `statusOf` classifies. */
export interface MessageProcessor {
  /** Checks a message that is ordered as it came. @returns the sequence it was checked at */
  processNormal(message: Envelope, channelId: string): number;
  /** Applies a CONFIG_UPDATE. */
  processConfigUpdate(update: Envelope, channelId: string): ProcessedConfig;
  /** Again, for a configuration message whose base has moved. */
  processConfig(message: Envelope): ProcessedConfig;
}

export class StandardProcessor implements MessageProcessor {
  constructor(readonly bundle: () => ChannelBundle, readonly modules: ProcessorModules) {}

  processNormal(message: Envelope, _channelId: string): number {
    const bundle = this.bundle();
    const { capabilities, consensusState } = ordererConfig(bundle);
    if (capabilities.consensusTypeMigration && consensusState !== ConsensusType_State.NORMAL) {
      throw ordererError(
        "maintenance-mode",
        "normal transactions are rejected: maintenance mode",
      );
    }
    this.filter(message);
    return bundle.sequence;
  }

  processConfigUpdate(update: Envelope, _channelId: string): ProcessedConfig {
    const bundle = this.bundle();
    const { channelId, sequence } = bundle;
    this.filter(update);
    const configEnvelope = withContext(
      `error applying config update to existing channel '${channelId}'`,
      () => this.#propose(bundle, update),
    );
    const envelope = this.sign(
      HeaderType.CONFIG,
      channelId,
      encodeWire(ConfigEnvelopeSchema, configEnvelope),
    );
    // Once more, above all for its size.
    this.filter(envelope);
    return { envelope, sequence };
  }

  processConfig(message: Envelope): ProcessedConfig {
    const update = lastUpdateOf(message);
    return this.processConfigUpdate(update, this.bundle().channelId);
  }

  #propose(bundle: ChannelBundle, update: Envelope): ConfigEnvelope {
    const proposed = bundle.configTxValidator.proposeConfigUpdate(update);
    const next = createBundle(
      bundle.channelId,
      requireConfig(proposed),
      this.modules.bundleDeps,
    );
    withContext("config update is not compatible", () => checkServable(next));
    validateNewBundle(bundle, next);
    return proposed;
  }

  protected filter(message: Envelope): void {
    filterMessage(message, this.bundle(), this.modules.clock);
  }

  protected sign(type: HeaderType, channelId: string, data: Uint8Array): Envelope {
    const { signer, clock } = this.modules;
    return createSignedEnvelope({ type, channelId, data, signer, clock, nonce: newNonce() });
  }
}

/** The CONFIG_UPDATE that a CONFIG message came from. @throws DenimError `bad-message` */
export function lastUpdateOf(message: Envelope): Envelope {
  const { message: config } = envelopeOfType(message, HeaderType.CONFIG, ConfigEnvelopeSchema);
  if (config.lastUpdate) return config.lastUpdate;
  throw ordererError("bad-message", "updated config does not include a config update");
}

/** @throws DenimError `bad-message` */
export function requireConfig(configEnvelope: ConfigEnvelope): Config {
  if (configEnvelope.config) return configEnvelope.config;
  throw ordererError("bad-message", "config envelope without config");
}
