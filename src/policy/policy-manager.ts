/** The policies of a configuration tree, by path. Mirrors ManagerImpl of common/policies/policy.go. */
import { DenimError, messageOf } from "../base/errors.ts";
import type { ConfigGroup } from "../gen/common/configtx_pb.ts";
import { type Policy as PolicyMessage, Policy_PolicyType } from "../gen/common/policies_pb.ts";
import type { IdentityDeserializer } from "../msp/types.ts";
import { decodeImplicitMeta, ImplicitMetaPolicy } from "./implicit-meta-policy.ts";
import { policyError } from "./policy-error.ts";
import { RejectPolicy, type SetPolicy } from "./set-policy.ts";
import { signaturePolicyFromBytes } from "./signature-policy.ts";
import type { Policy, PolicyManager } from "./types.ts";

/** Well-known policies of a channel. Mirrors the constants of common/policies. */
export const channelPolicy = {
  readers: "/Channel/Readers",
  writers: "/Channel/Writers",
  applicationReaders: "/Channel/Application/Readers",
  applicationWriters: "/Channel/Application/Writers",
  applicationAdmins: "/Channel/Application/Admins",
  blockValidation: "/Channel/Orderer/BlockValidation",
  ordererAdmins: "/Channel/Orderer/Admins",
  ordererWriters: "/Channel/Orderer/Writers",
  ordererReaders: "/Channel/Orderer/Readers",
} as const;

/** Groups within groups; a channel's configuration has three. */
const maxGroupDepth = 100;

class Manager implements PolicyManager {
  readonly #policies = new Map<string, SetPolicy>();
  readonly #managers = new Map<string, Manager>();

  constructor(
    readonly path: string,
    group: ConfigGroup,
    readonly deserializer: IdentityDeserializer,
    depth = 0,
  ) {
    if (depth > maxGroupDepth) throw policyError("bad-policy", "groups are nested too deeply");
    for (const [name, below] of Object.entries(group.groups)) {
      this.#managers.set(name, new Manager(`${path}/${name}`, below, deserializer, depth + 1));
    }
    for (const [name, { policy }] of Object.entries(group.policies)) {
      if (!policy) throw policyError("bad-policy", `policy ${name} at path ${path} was nil`);
      this.#policies.set(name, this.#compile(name, policy));
    }
    for (const [name, manager] of this.#managers) {
      for (const [below, policy] of manager.#policies) {
        this.#policies.set(`${name}/${below}`, policy);
      }
    }
  }

  #compile(name: string, policy: PolicyMessage): SetPolicy {
    const at = `policy ${name} at path ${this.path}`;
    try {
      switch (policy.type) {
        case Policy_PolicyType.IMPLICIT_META: {
          const definition = decodeImplicitMeta(policy.value);
          const below = [...this.#managers.values()]
            .map((manager) => manager.#policies.get(definition.subPolicy));
          return new ImplicitMetaPolicy(definition, below, this.deserializer);
        }
        case Policy_PolicyType.SIGNATURE:
          return signaturePolicyFromBytes(policy.value, this.deserializer);
      }
    } catch (cause) {
      const implicit = policy.type === Policy_PolicyType.IMPLICIT_META ? "implicit " : "";
      throw new DenimError(
        "bad-policy",
        `${implicit}${at} did not compile: ${messageOf(cause)}`,
        { policy: name, path: this.path },
        undefined,
        { cause },
      );
    }
    throw policyError("bad-policy", `${at} has unknown policy type: ${policy.type}`);
  }

  /** `path` as seen from here; a manager answers only for its own part of the tree. */
  relative(path: string): string {
    const own = `/${this.path}/`;
    return path.startsWith(own) ? path.slice(own.length) : path;
  }

  policy(path: string): Policy | undefined {
    return this.#policies.get(this.relative(path));
  }

  manager(path: readonly string[]): PolicyManager | undefined {
    const [first, ...rest] = path;
    return first === undefined ? this : this.#managers.get(first)?.manager(rest);
  }
}

/**
 * The policies of a channel: `root` is the channel group of its configuration.
 * @throws DenimError `bad-policy` naming the policy that does not compile
 */
export function createPolicyManager(
  root: ConfigGroup,
  deserializer: IdentityDeserializer,
): PolicyManager {
  return new Manager("Channel", root, deserializer);
}

/** The policy at `path`, or one that refuses everything with Fabric's words where there is none. */
export function policyOrReject(manager: PolicyManager, path: string): Policy {
  const name = manager instanceof Manager ? manager.relative(path) : path;
  return manager.policy(path) ?? new RejectPolicy(name);
}
