/** How an ordering service makes a channel's first configuration. Mirrors orderer/common/msgprocessor/systemchannel.go. */
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { ChannelHeaderSchema, type Envelope, PayloadSchema } from "../gen/common/common_pb.ts";
import { ConsortiumSchema } from "../gen/common/configuration_pb.ts";
import {
  type ConfigEnvelope,
  type ConfigGroup,
  ConfigGroupSchema$,
  ConfigPolicySchema$,
  ConfigSchema,
  type ConfigUpdate,
  ConfigUpdateEnvelopeSchema,
  ConfigUpdateSchema,
  ConfigValueSchema$,
} from "../gen/common/configtx_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { type BundleDeps, type ChannelBundle, createBundle } from "./bundle.ts";
import { channelError, within } from "./channel-error.ts";
import {
  adminsPolicy,
  applicationGroup,
  channelCreationPolicyKey,
  consortiumKey,
  consortiumsGroup,
  ordererGroup,
} from "./group-names.ts";

const code = "bad-config-update";

/** A channel that an ordering service may create. */
export interface NewChannel {
  readonly channelId: string;
  /** Goes, signed by the orderer, into block 0. */
  readonly configEnvelope: ConfigEnvelope;
}

/**
 * Applies a channel creation to the template that the system channel gives.
 * @param creation CONFIG_UPDATE envelope signed as the consortium's ChannelCreationPolicy wants
 * @throws DenimError `bad-config-update` with the orderer's reason
 */
export function newChannel(
  system: ChannelBundle,
  creation: Envelope,
  deps: BundleDeps,
): NewChannel {
  const { channelId, update } = openCreation(creation);
  const template = create(ConfigSchema, { channelGroup: templateFor(system, update) });
  const { configTxValidator } = within(code, "", () => createBundle(channelId, template, deps));
  const configEnvelope = within(
    code,
    `error validating channel creation transaction for new channel '${channelId}', could not ` +
      "succesfully apply update to template configuration",
    () => configTxValidator.proposeConfigUpdate(creation),
  );
  return { channelId, configEnvelope };
}

function openCreation(creation: Envelope): { channelId: string; update: ConfigUpdate } {
  const context = "Failing initial channel config creation";
  const payload = within(
    code,
    `${context} because of payload unmarshaling error`,
    () => decodeAsGo(PayloadSchema, creation.payload),
  );
  const updateEnvelope = within(
    code,
    `${context} because of config update envelope unmarshaling error`,
    () => decodeAsGo(ConfigUpdateEnvelopeSchema, payload.data),
  );
  const { header } = payload;
  if (header === undefined) {
    throw channelError(
      code,
      "Failed initial channel config creation because config update header was missing",
    );
  }
  const { channelId } = within(
    code,
    "Failed initial channel config creation because channel header was malformed",
    () => decodeAsGo(ChannelHeaderSchema, header.channelHeader),
  );
  const update = within(
    code,
    `${context} because of config update unmarshaling error`,
    () => decodeAsGo(ConfigUpdateSchema, updateEnvelope.configUpdate),
  );
  if (update.channelId !== channelId) {
    throw channelError(
      code,
      `${context}: mismatched channel IDs: '${update.channelId}' != '${channelId}'`,
    );
  }
  return { channelId, update };
}

function templateFor(system: ChannelBundle, update: ConfigUpdate): ConfigGroup {
  const { writeSet } = update;
  if (writeSet === undefined) throw channelError(code, "Config update has an empty writeset");
  const members = own(writeSet.groups, applicationGroup);
  if (members === undefined) {
    throw channelError(code, "Config update has missing application group");
  }
  if (members.version !== 1n) {
    throw channelError(
      code,
      "Config update for channel creation does not set application group version to 1, was " +
        members.version,
    );
  }
  const value = own(writeSet.values, consortiumKey);
  if (value === undefined) throw channelError(code, "Consortium config value missing");
  const { name } = within(
    code,
    "Error reading unmarshaling consortium name",
    () => decodeAsGo(ConsortiumSchema, value.value),
  );
  const systemGroup = system.config.channelGroup;
  const { consortiums, orderer } = system.channelConfig;
  if (consortiums === undefined || systemGroup === undefined) {
    throw channelError(
      code,
      "The ordering system channel does not appear to support creating channels",
    );
  }
  const consortium = consortiums.find((one) => one.name === name);
  if (consortium === undefined) throw channelError(code, `Unknown consortium name: ${name}`);

  const application = create(ConfigGroupSchema$, {
    modPolicy: channelCreationPolicyKey,
    policies: {
      [channelCreationPolicyKey]: create(ConfigPolicySchema$, {
        policy: consortium.channelCreationPolicy,
      }),
    },
    groups: memberGroups(
      systemGroup.groups[consortiumsGroup].groups[name].groups,
      Object.keys(members.groups),
    ),
  });
  const channelGroup = clone(ConfigGroupSchema$, systemGroup);
  delete channelGroup.groups[consortiumsGroup];
  channelGroup.version = 0n;
  channelGroup.groups[applicationGroup] = application;
  channelGroup.values[consortiumKey] = create(ConfigValueSchema$, {
    value: toBinary(ConsortiumSchema, create(ConsortiumSchema, { name })),
    modPolicy: adminsPolicy,
  });
  for (const group of Object.keys(channelGroup.groups)) {
    if (group !== ordererGroup && group !== applicationGroup) delete channelGroup.groups[group];
  }
  // Channels of ordering services before 1.1 kept the system channel's versions.
  if (orderer?.capabilities.predictableChannelTemplate) zeroVersions(channelGroup);
  else channelGroup.modPolicy = "";
  return channelGroup;
}

/** The consortium's definitions of the members; a consortium without members lets anyone in. */
function memberGroups(
  consortium: Readonly<Record<string, ConfigGroup>>,
  names: readonly string[],
): Record<string, ConfigGroup> {
  if (Object.keys(consortium).length === 0) return {};
  if (names.length === 0) {
    throw channelError(
      code,
      "Proposed configuration has no application group members, but consortium contains members",
    );
  }
  return Object.fromEntries(names.map((name) => {
    const group = own(consortium, name);
    if (group === undefined) {
      throw channelError(code, "Attempted to include a member which is not in the consortium", {
        name,
      });
    }
    return [name, clone(ConfigGroupSchema$, group)];
  }));
}

function zeroVersions(group: ConfigGroup): void {
  const members = [group, ...Object.values(group.values), ...Object.values(group.policies)];
  for (const member of members) member.version = 0n;
  for (const inner of Object.values(group.groups)) zeroVersions(inner);
}

function own<T>(members: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}
