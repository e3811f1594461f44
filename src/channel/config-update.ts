/** Validates and applies configuration updates. Mirrors common/configtx/{validator,update}.go. */
import { create, equals } from "@bufbuild/protobuf";
import { type Envelope, HeaderType } from "../gen/common/common_pb.ts";
import {
  type Config,
  type ConfigEnvelope,
  ConfigEnvelopeSchema,
  ConfigGroupSchema$,
  ConfigSchema,
  type ConfigUpdateEnvelope,
  ConfigUpdateEnvelopeSchema,
  ConfigUpdateSchema,
} from "../gen/common/configtx_pb.ts";
import type { Policy, PolicyManager, SignedData } from "../policy/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { configUpdateSignedData } from "../protocol/signed-data.ts";
import { channelError, within } from "./channel-error.ts";
import { validateChannelId, validateConfigId } from "./config-id.ts";
import { type ConfigElement, type ConfigMap, configMapToConfig, mapConfig } from "./config-map.ts";
import { envelopeOfType } from "./envelope-of-type.ts";
import type { ConfigTxValidator } from "./types.ts";

const code = "bad-config-update";

/**
 * A validator for one configuration of one channel.
 * @throws DenimError `bad-config` where the configuration itself cannot be mapped
 */
export function createConfigTxValidator(
  channelId: string,
  config: Config,
  policyManager: PolicyManager,
): ConfigTxValidator {
  if (config.channelGroup === undefined) throw channelError("bad-config", "nil channel group");
  within("bad-config", "bad channel ID", () => validateChannelId(channelId));
  const configMap = within(
    "bad-config",
    "error converting config to map",
    () => mapConfig(config.channelGroup),
  );
  return new Validator(channelId, config, configMap, policyManager);
}

class Validator implements ConfigTxValidator {
  constructor(
    readonly channelId: string,
    readonly config: Config,
    private readonly configMap: ConfigMap,
    private readonly policyManager: PolicyManager,
  ) {}

  get sequence(): number {
    return Number(this.config.sequence);
  }

  proposeConfigUpdate(update: Envelope): ConfigEnvelope {
    const updateEnvelope = within(
      code,
      "error converting envelope to config update",
      () => openConfigUpdate(update),
    );
    const proposed = within(
      code,
      "error authorizing update",
      () => this.#authorizeUpdate(updateEnvelope),
    );
    return create(ConfigEnvelopeSchema, {
      config: create(ConfigSchema, {
        sequence: this.config.sequence + 1n,
        channelGroup: this.#rebuild(proposed),
      }),
      lastUpdate: update,
    });
  }

  validate(configEnvelope: ConfigEnvelope): void {
    const { config, lastUpdate } = configEnvelope;
    if (config === undefined) throw channelError(code, "config envelope has nil config");
    if (config.sequence !== this.config.sequence + 1n) {
      throw channelError(
        code,
        `config currently at sequence ${this.config.sequence}, cannot validate config at ` +
          `sequence ${config.sequence}`,
      );
    }
    if (lastUpdate === undefined) {
      throw channelError(code, "config envelope has nil last update");
    }
    const channelGroup = this.#rebuild(this.#authorizeUpdate(openConfigUpdate(lastUpdate)));
    if (
      config.channelGroup === undefined ||
      !equals(ConfigGroupSchema$, channelGroup, config.channelGroup)
    ) {
      throw channelError(
        code,
        "ConfigEnvelope LastUpdate did not produce the supplied config result",
      );
    }
  }

  #rebuild(proposed: ConfigMap) {
    return within(
      code,
      "could not turn configMap back to channelGroup",
      () => configMapToConfig(proposed),
    );
  }

  /** The whole configuration with the update applied, once its signatures allow it. */
  #authorizeUpdate(updateEnvelope: ConfigUpdateEnvelope): ConfigMap {
    const update = decodeAsGo(ConfigUpdateSchema, updateEnvelope.configUpdate);
    if (update.channelId !== this.channelId) {
      throw channelError(
        code,
        `ConfigUpdate for channel '${update.channelId}' but envelope for channel ` +
          `'${this.channelId}'`,
      );
    }
    const readSet = within(code, "error mapping ReadSet", () => mapConfig(update.readSet));
    within(code, "error validating ReadSet", () => this.#verifyReadSet(readSet));
    const writeSet = within(code, "error mapping WriteSet", () => mapConfig(update.writeSet));
    const delta = computeDelta(readSet, writeSet);
    const signed = configUpdateSignedData(updateEnvelope);
    within(code, "error validating DeltaSet", () => this.#verifyDeltaSet(delta, signed));
    const proposed = new Map([...this.configMap, ...delta]);
    for (const name of sortedKeys(writeSet)) {
      if (!proposed.has(name)) {
        throw channelError(
          code,
          `full config did not verify: writeset contained key ${name} which did not appear in ` +
            "proposed config",
        );
      }
    }
    return proposed;
  }

  #verifyReadSet(readSet: ConfigMap): void {
    for (const name of sortedKeys(readSet)) {
      const read = versionOf(readSet.get(name));
      const existing = this.configMap.get(name);
      if (existing === undefined) {
        throw channelError(
          code,
          `existing config does not contain element for ${name} but was in the read set`,
        );
      }
      if (existing.element.version !== read) {
        throw channelError(
          code,
          `proposed update requires that key ${name} be at version ${read}, but it is currently ` +
            `at version ${existing.element.version}`,
        );
      }
    }
  }

  #verifyDeltaSet(delta: ConfigMap, signed: readonly SignedData[]): void {
    if (delta.size === 0) {
      throw channelError(code, "delta set was empty -- update would have no effect");
    }
    for (const name of sortedKeys(delta)) {
      const changed = delta.get(name);
      if (changed === undefined) continue;
      within(
        code,
        `invalid mod_policy for element ${name}`,
        () => validateModPolicy(changed.element.modPolicy),
      );
      const { version } = changed.element;
      const existing = this.configMap.get(name);
      if (existing === undefined) {
        if (version !== 0n) {
          throw channelError(
            code,
            `attempted to set key ${name} to version ${version}, but key does not exist`,
          );
        }
        continue;
      }
      if (version !== existing.element.version + 1n) {
        throw channelError(
          code,
          `attempt to set key ${name} to version ${version}, but key is at version ` +
            existing.element.version,
        );
      }
      const policy = this.#policyFor(existing);
      if (policy === undefined) {
        throw channelError(
          code,
          `unexpected missing policy ${existing.element.modPolicy} for item ${name}`,
        );
      }
      within(code, `policy for ${name} not satisfied`, () => policy.evaluate(signed));
    }
  }

  /** Relative policies are looked up where the element stands; a group's own name is part of its place. */
  #policyFor(item: ConfigElement): Policy | undefined {
    const { modPolicy } = item.element;
    if (modPolicy === "") return undefined;
    if (modPolicy.startsWith("/") || item.path.length === 0) {
      return this.policyManager.policy(modPolicy);
    }
    const path = item.path.slice(1);
    if (item.kind === "group") path.push(item.key);
    const manager = path.length === 0 ? this.policyManager : this.policyManager.manager(path);
    return manager?.policy(modPolicy);
  }
}

/** What the write set changes: elements that are new or whose version differs from the read set's. */
export function computeDelta(readSet: ConfigMap, writeSet: ConfigMap): ConfigMap {
  const delta = new Map<string, ConfigElement>();
  for (const [name, element] of writeSet) {
    if (readSet.get(name)?.element.version !== element.element.version) delta.set(name, element);
  }
  return delta;
}

/** The CONFIG_UPDATE inside an envelope. @throws DenimError with Fabric's text */
export function openConfigUpdate(update: Envelope): ConfigUpdateEnvelope {
  return envelopeOfType(update, HeaderType.CONFIG_UPDATE, ConfigUpdateEnvelopeSchema).message;
}

function validateModPolicy(modPolicy: string): void {
  if (modPolicy === "") throw channelError(code, "mod_policy not set");
  modPolicy.replace(/^\//, "").split("/").forEach((element, index) => {
    within(code, `path element at ${index} is invalid`, () => validateConfigId(element));
  });
}

function versionOf(element: ConfigElement | undefined): bigint | undefined {
  return element?.element.version;
}

/** A fixed order, so that the first of several errors is always the same one. */
function sortedKeys(elements: ConfigMap): string[] {
  return [...elements.keys()].sort();
}
