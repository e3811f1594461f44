/** Who may do what. Mirrors core/aclmgmt and core/policy. */
import { messageOf } from "../base/errors.ts";
import type { Msp } from "../msp/types.ts";
import type { SignedData } from "../policy/types.ts";
import { channelResourcePolicies, localResourcePolicies } from "./acl-resources.ts";
import { channelError } from "./channel-error.ts";
import { checkLocalMspPolicy } from "./local-msp-policy.ts";
import type { AclProvider, Bundle } from "./types.ts";

export interface AclProviderDeps {
  /** The configuration in force, undefined for a channel that this peer has not joined. */
  bundleOf(channelId: string): Bundle | undefined;
  readonly localMsp: Msp;
}

/**
 * Checks in Fabric's order: the channel's own ACL for the resource, else the resource's default.
 * Its reasons are what callers put into `access denied for [function][channel]: …`.
 */
export function createAclProvider(deps: AclProviderDeps): AclProvider {
  return {
    check(resource, channelId, signed) {
      if (channelId === "") {
        checkLocal(deps.localMsp, resource, signed);
        return;
      }
      const bundle = deps.bundleOf(channelId);
      const override = bundle?.acls.get(resource);
      if (bundle !== undefined && override !== undefined) {
        checkOverride(bundle, resource, override, signed);
      } else {
        checkDefault(bundle, resource, channelId, signed);
      }
    },
  };
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
  signed: SignedData,
): void {
  const policy = bundle.policyManager.policy(path);
  try {
    if (policy === undefined) {
      throw denied(`policy ${path} not found`, {});
    }
    policy.evaluate([signed]);
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
  signed: SignedData,
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
    policy.evaluate([signed]);
  } catch (cause) {
    throw denied(
      `Failed evaluating policy on signed data during check policy on channel [${channelId}] with ` +
        `policy [${path}]: [${messageOf(cause)}]`,
      { resource, channelId, policy: path },
      cause,
    );
  }
}
