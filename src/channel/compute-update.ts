/** The update that leads from one configuration to another. Mirrors common/tools/configtxlator/update. */
import { create, equals } from "@bufbuild/protobuf";
import { equal } from "../base/bytes.ts";
import { PolicySchema } from "../gen/common/policies_pb.ts";
import {
  type Config,
  type ConfigGroup,
  ConfigGroupSchema$,
  type ConfigPolicy,
  ConfigPolicySchema$,
  type ConfigUpdate,
  ConfigUpdateSchema,
  type ConfigValue,
  ConfigValueSchema$,
} from "../gen/common/configtx_pb.ts";
import { channelError } from "./channel-error.ts";

/** What became of the members of one kind (groups, values, policies). */
interface MembersUpdate<Member> {
  readonly readSet: Map<string, Member>;
  readonly writeSet: Map<string, Member>;
  /** Unchanged members; they are listed only where the membership itself changes. */
  readonly sameSet: Map<string, Member>;
  readonly membersChanged: boolean;
}

/** What became of one member: unchanged, or what to read and write. */
type MemberUpdate<Member> =
  | { readonly same: Member }
  | { readonly read?: Member; readonly write: Member };

interface GroupUpdate {
  readonly readSet: ConfigGroup;
  readonly writeSet: ConfigGroup;
  readonly changed: boolean;
}

/**
 * @param channelId goes into the update
 * @throws DenimError `bad-config-update` where a channel group is missing or nothing differs
 */
export function computeConfigUpdate(
  channelId: string,
  original: Config,
  updated: Config,
): ConfigUpdate {
  for (const [name, config] of [["original", original], ["updated", updated]] as const) {
    if (config.channelGroup === undefined) {
      throw channelError("bad-config-update", `no channel group included for ${name} config`);
    }
  }
  const { readSet, writeSet, changed } = computeGroup(
    original.channelGroup ?? emptyGroup(),
    updated.channelGroup ?? emptyGroup(),
  );
  if (!changed) {
    throw channelError(
      "bad-config-update",
      "no differences detected between original and updated config",
    );
  }
  return create(ConfigUpdateSchema, { channelId, readSet, writeSet });
}

function computeGroup(original: ConfigGroup, updated: ConfigGroup): GroupUpdate {
  const policies = computeMembers(original.policies, updated.policies, policyUpdate, newPolicy);
  const values = computeMembers(original.values, updated.values, valueUpdate, newValue);
  const groups = computeMembers(original.groups, updated.groups, groupUpdate, newGroup);
  const kinds = [policies, values, groups];
  const { version } = original;
  const tree = (which: "readSet" | "writeSet") => ({
    policies: Object.fromEntries(policies[which]),
    values: Object.fromEntries(values[which]),
    groups: Object.fromEntries(groups[which]),
  });
  const sameMembership = kinds.every((kind) => !kind.membersChanged) &&
    original.modPolicy === updated.modPolicy;
  if (sameMembership) {
    const untouched = kinds.every((kind) => kind.readSet.size === 0 && kind.writeSet.size === 0);
    return {
      readSet: create(ConfigGroupSchema$, { version, ...tree("readSet") }),
      writeSet: create(ConfigGroupSchema$, { version, ...tree("writeSet") }),
      changed: !untouched,
    };
  }
  keepSame(policies);
  keepSame(values);
  keepSame(groups);
  return {
    readSet: create(ConfigGroupSchema$, { version, ...tree("readSet") }),
    writeSet: create(ConfigGroupSchema$, {
      version: version + 1n,
      modPolicy: updated.modPolicy,
      ...tree("writeSet"),
    }),
    changed: true,
  };
}

function keepSame<Member>(members: MembersUpdate<Member>): void {
  for (const [name, member] of members.sameSet) {
    members.readSet.set(name, member);
    members.writeSet.set(name, member);
  }
}

function computeMembers<Member>(
  original: Readonly<Record<string, Member>>,
  updated: Readonly<Record<string, Member>>,
  compare: (original: Member, updated: Member) => MemberUpdate<Member>,
  added: (updated: Member) => Member,
): MembersUpdate<Member> {
  const readSet = new Map<string, Member>();
  const writeSet = new Map<string, Member>();
  const sameSet = new Map<string, Member>();
  let membersChanged = false;
  for (const [name, before] of Object.entries(original)) {
    if (!Object.hasOwn(updated, name)) {
      membersChanged = true;
      continue;
    }
    const update = compare(before, updated[name]);
    if ("same" in update) {
      sameSet.set(name, update.same);
      continue;
    }
    if (update.read !== undefined) readSet.set(name, update.read);
    writeSet.set(name, update.write);
  }
  for (const [name, after] of Object.entries(updated)) {
    if (Object.hasOwn(original, name)) continue;
    membersChanged = true;
    writeSet.set(name, added(after));
  }
  return { readSet, writeSet, sameSet, membersChanged };
}

function policyUpdate(original: ConfigPolicy, updated: ConfigPolicy): MemberUpdate<ConfigPolicy> {
  const { version } = original;
  const samePolicy = original.policy === undefined || updated.policy === undefined
    ? original.policy === updated.policy
    : equals(PolicySchema, original.policy, updated.policy);
  if (original.modPolicy === updated.modPolicy && samePolicy) {
    return { same: create(ConfigPolicySchema$, { version }) };
  }
  const { modPolicy, policy } = updated;
  return { write: create(ConfigPolicySchema$, { version: version + 1n, modPolicy, policy }) };
}

function newPolicy({ modPolicy, policy }: ConfigPolicy): ConfigPolicy {
  return create(ConfigPolicySchema$, { modPolicy, policy });
}

function valueUpdate(original: ConfigValue, updated: ConfigValue): MemberUpdate<ConfigValue> {
  const { version } = original;
  if (original.modPolicy === updated.modPolicy && equal(original.value, updated.value)) {
    return { same: create(ConfigValueSchema$, { version }) };
  }
  const { modPolicy, value } = updated;
  return { write: create(ConfigValueSchema$, { version: version + 1n, modPolicy, value }) };
}

function newValue({ modPolicy, value }: ConfigValue): ConfigValue {
  return create(ConfigValueSchema$, { modPolicy, value });
}

function groupUpdate(original: ConfigGroup, updated: ConfigGroup): MemberUpdate<ConfigGroup> {
  const { readSet, writeSet, changed } = computeGroup(original, updated);
  return changed ? { read: readSet, write: writeSet } : { same: readSet };
}

function newGroup(updated: ConfigGroup): ConfigGroup {
  const { writeSet } = computeGroup(emptyGroup(), updated);
  return create(ConfigGroupSchema$, {
    modPolicy: updated.modPolicy,
    policies: writeSet.policies,
    values: writeSet.values,
    groups: writeSet.groups,
  });
}

function emptyGroup(): ConfigGroup {
  return create(ConfigGroupSchema$);
}
