/** Who may do what. Mirrors core/aclmgmt and core/policy. */
import { messageOf } from "../base/errors.ts";
import type { Identity, Msp } from "../msp/types.ts";
import type { Policy, SignedData } from "../policy/types.ts";
import { channelResourcePolicies, localResourcePolicies } from "./acl-resources.ts";
import { channelError } from "./channel-error.ts";
import { checkLocalMspPolicy } from "./local-msp-policy.ts";
import type { Bundle, IdentityAclProvider } from "./types.ts";

export interface AclProviderDeps {
  /** The configuration in force, undefined for a channel that this peer has not joined. */
  bundleOf(channelId: string): Bundle | undefined;
  readonly localMsp: Msp;
}

/**
 * Checks in Fabric's order: the channel's own ACL for the resource, else the resource's default.
 * Its reasons are what callers put into `access denied for [function][channel]: …`.
 */
export function createAclProvider(deps: AclProviderDeps): IdentityAclProvider {
  const granted = new GrantedIdentities();
  return {
    check(resource, channelId, signed) {
      if (channelId === "") {
        checkLocal(deps.localMsp, resource, signed);
        return;
      }
      checkChannel(deps.bundleOf(channelId), resource, channelId, (policy) => {
        policy.evaluate([signed]);
      });
    },
    checkIdentity(resource, channelId, identity) {
      checkChannel(deps.bundleOf(channelId), resource, channelId, (policy) => {
        granted.evaluate(policy, identity);
      });
    },
  };
}

/**
 * Who satisfied a policy by himself. Both are objects of one configuration, and no verdict changes
 * within one: neither time nor anything else that can change is asked.
 */
class GrantedIdentities {
  readonly #byPolicy = new WeakMap<Policy, WeakSet<Identity>>();

  /** @throws DenimError `policy-not-satisfied` */
  evaluate(policy: Policy, identity: Identity): void {
    const known = this.#byPolicy.get(policy);
    if (known?.has(identity)) return;
    policy.evaluateIdentities([identity]);
    if (known) known.add(identity);
    else this.#byPolicy.set(policy, new WeakSet([identity]));
  }
}

/** @throws what the policy does not grant */
type Evaluate = (policy: Policy) => void;

function checkChannel(
  bundle: Bundle | undefined,
  resource: string,
  channelId: string,
  evaluate: Evaluate,
): void {
  const override = bundle?.acls.get(resource);
  if (bundle !== undefined && override !== undefined) {
    checkOverride(bundle, resource, override, evaluate);
  } else {
    checkDefault(bundle, resource, channelId, evaluate);
  }
}

function denied(message: string, facts: Record<string, unknown>, cause?: unknown) {
  return Object.assign(channelError("access-denied", message, facts), { cause });
}

function checkLocal(localMsp: Msp, resource: string, signed: SignedData): void {
  // A channel's resource without a channel ends at a role that the local MSP does not know.
  const policy = localResourcePolicies.get(resource) ?? channelResourcePolicies.get(resource);
  if (policy === undefined) throw denied(`Unmapped policy for ${resource}`, { resource });
  checkLocalMspPolicy(localMsp, policy, signed);
}

function checkOverride(
  bundle: Bundle,
  resource: string,
  path: string,
  evaluate: Evaluate,
): void {
  const policy = bundle.policyManager.policy(path);
  try {
    if (policy === undefined) {
      throw denied(`policy ${path} not found`, {});
    }
    evaluate(policy);
  } catch (cause) {
    throw denied(
      `failed evaluating policy on signed data during check policy [${path}]: ` +
        `[${messageOf(cause)}]`,
      { resource, channelId: bundle.channelId, policy: path },
      cause,
    );
  }
}

function checkDefault(
  bundle: Bundle | undefined,
  resource: string,
  channelId: string,
  evaluate: Evaluate,
): void {
  const path = channelResourcePolicies.get(resource);
  if (path === undefined) throw denied(`Unmapped policy for ${resource}`, { resource, channelId });
  if (bundle === undefined) {
    throw denied(`Failed to get policy manager for channel [${channelId}]`, {
      resource,
      channelId,
    });
  }
  const policy = bundle.policyManager.policy(path);
  try {
    if (policy === undefined) {
      throw denied(`No such policy: '${path.replace(/^\/Channel\//, "")}'`, {});
    }
    evaluate(policy);
  } catch (cause) {
    throw denied(
      `Failed evaluating policy on signed data during check policy on channel [${channelId}] with ` +
        `policy [${path}]: [${messageOf(cause)}]`,
      { resource, channelId, policy: path },
      cause,
    );
  }
}
