/** A configuration tree as a flat map of its elements. Mirrors common/configtx/configmap.go and compare.go. */
import { clone, create } from "@bufbuild/protobuf";
import {
  type ConfigGroup,
  ConfigGroupSchema$,
  type ConfigPolicy,
  ConfigPolicySchema$,
  type ConfigValue,
  ConfigValueSchema$,
} from "../gen/common/configtx_pb.ts";
import { adminsPolicy, rootGroup } from "./group-names.ts";
import { channelError } from "./channel-error.ts";
import { validateConfigId } from "./config-id.ts";

/** Groups inside groups that we follow; real configurations have four levels. */
const maxGroupDepth = 64;

/** One element: a group, a value or a policy, with the groups that lead to it. */
export type ConfigElement =
  & { readonly key: string; readonly path: readonly string[] }
  & (
    | { readonly kind: "group"; readonly element: ConfigGroup }
    | { readonly kind: "value"; readonly element: ConfigValue }
    | { readonly kind: "policy"; readonly element: ConfigPolicy }
  );

/** Elements by Fabric's full names (`[Value]  /Channel/Orderer/BatchSize`). */
export type ConfigMap = ReadonlyMap<string, ConfigElement>;

const prefixes = { group: "[Group]  ", value: "[Value]  ", policy: "[Policy] " } as const;

/** The presence of this element makes Fabric fill in empty mod_policies (channels made by 1.0). */
const ordererCapabilitiesName = `${prefixes.value}/Channel/Orderer/Capabilities`;

/** Flattens a tree; an absent one gives an empty map. @throws DenimError `bad-config` on illegal names */
export function mapConfig(channelGroup: ConfigGroup | undefined): ConfigMap {
  const elements = new Map<string, ConfigElement>();
  if (channelGroup !== undefined) addGroup(elements, [rootGroup], channelGroup);
  return elements;
}

function addGroup(
  elements: Map<string, ConfigElement>,
  path: readonly string[],
  group: ConfigGroup,
): void {
  if (path.length > maxGroupDepth) {
    throw channelError("bad-config", `config groups are nested deeper than ${maxGroupDepth}`);
  }
  const key = path[path.length - 1];
  add(elements, { kind: "group", key, path: path.slice(0, -1), element: group });
  for (const [name, inner] of Object.entries(group.groups)) {
    addGroup(elements, [...path, name], inner);
  }
  for (const [name, element] of Object.entries(group.values)) {
    add(elements, { kind: "value", key: name, path, element });
  }
  for (const [name, element] of Object.entries(group.policies)) {
    add(elements, { kind: "policy", key: name, path, element });
  }
}

function add(elements: Map<string, ConfigElement>, element: ConfigElement): void {
  try {
    validateConfigId(element.key);
  } catch (cause) {
    throw Object.assign(
      channelError("bad-config", `Illegal characters in key: ${prefixes[element.kind]}`, {
        key: element.key,
      }),
      { cause },
    );
  }
  elements.set(prefixes[element.kind] + ["", ...element.path, element.key].join("/"), element);
}

/**
 * Builds the tree again, membership taken from each group in the map.
 * @throws DenimError `bad-config` where a group names what the map does not hold
 */
export function configMapToConfig(elements: ConfigMap): ConfigGroup {
  return rebuild(`/${rootGroup}`, elements, elements.has(ordererCapabilitiesName));
}

function rebuild(path: string, elements: ConfigMap, fillModPolicies: boolean): ConfigGroup {
  const found = elements.get(prefixes.group + path);
  if (found?.kind !== "group") {
    throw channelError("bad-config", `Missing group at path: ${prefixes.group}${path}`);
  }
  const group = create(ConfigGroupSchema$, {
    version: found.element.version,
    modPolicy: found.element.modPolicy,
  });
  for (const name of Object.keys(found.element.groups)) {
    group.groups[name] = rebuild(`${path}/${name}`, elements, fillModPolicies);
  }
  for (const name of Object.keys(found.element.values)) {
    const value = elements.get(`${prefixes.value}${path}/${name}`);
    if (value?.kind !== "value") {
      throw channelError("bad-config", `Missing value at path: ${prefixes.value}${path}/${name}`);
    }
    group.values[name] = clone(ConfigValueSchema$, value.element);
  }
  for (const name of Object.keys(found.element.policies)) {
    const policy = elements.get(`${prefixes.policy}${path}/${name}`);
    if (policy?.kind !== "policy") {
      throw channelError("bad-config", `Missing policy at path: ${prefixes.policy}${path}/${name}`);
    }
    group.policies[name] = clone(ConfigPolicySchema$, policy.element);
  }
  if (fillModPolicies) {
    const members = [group, ...Object.values(group.values), ...Object.values(group.policies)];
    for (const member of members) member.modPolicy ||= adminsPolicy;
  }
  return group;
}
