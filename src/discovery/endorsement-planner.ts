/**
 * Who can endorse: groups of peers and the combinations of groups that satisfy the endorsement
 * policies. Mirrors discovery/endorsement/endorsement.go.
 */
import { toBinary } from "@bufbuild/protobuf";
import { hex } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  type SignaturePolicyEnvelope,
  SignaturePolicyEnvelopeSchema,
} from "../gen/common/policies_pb.ts";
import type { ChaincodeCall, ChaincodeInterest } from "../gen/discovery/protocol_pb.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";
import { interestedPeers, type InterestedPeersSources } from "./interested-peers.ts";
import { mergeCombinations, type PrincipalSet } from "./merge-combinations.ts";
import { policyCombinations } from "./policy-combinations.ts";
import { Principals } from "./principals.ts";
import type {
  EndorsementLayout,
  EndorsementPlan,
  EndorsementPlanner,
  PeerMember,
} from "./types.ts";

/** Different policies of keys in one interest. */
export const maxKeyPolicies = 100;

/** Plans with what `sources` know at the time of each call. */
export function createEndorsementPlanner(sources: InterestedPeersSources): EndorsementPlanner {
  return { plan: (channelId, interest) => plan(sources, channelId, interest) };
}

function plan(
  sources: InterestedPeersSources,
  channelId: string,
  interest: ChaincodeInterest,
): EndorsementPlan {
  const alive = new Set(
    sources.membership.localPeers().filter(({ endpoint }) => endpoint !== "").map(idOf),
  );
  const peers = interestedPeers(sources, channelId, interest)
    .filter((peer) => peer.endpoint !== "" && alive.has(idOf(peer)));
  const principals = new Principals();
  const candidates = new Map<number, readonly PeerMember[]>();
  /** Peers that are the principal, found out once. */
  const peersBeing = (principal: number): readonly PeerMember[] => {
    let found = candidates.get(principal);
    if (found === undefined) {
      const wanted = principals.principal(principal);
      found = peers.filter(({ identity }) => sources.satisfies(channelId, identity, wanted));
      candidates.set(principal, found);
    }
    return found;
  };
  const sets = principalSets(sources, channelId, interest, principals, peersBeing);
  const groupNames = new Map<number, string>();
  for (const set of sets) {
    for (const principal of set) {
      if (!groupNames.has(principal)) groupNames.set(principal, `G${groupNames.size}`);
    }
  }
  const groups = new Map<string, readonly PeerMember[]>();
  const layouts: EndorsementLayout[] = [];
  for (const set of sets) {
    const quantities = quantitiesOf(set);
    if (!isSatisfied(quantities, peersBeing)) continue;
    const layout: Record<string, number> = {};
    for (const [principal, quantity] of quantities) {
      const name = groupNames.get(principal) as string;
      layout[name] = quantity;
      groups.set(name, peersBeing(principal));
    }
    layouts.push(layout);
  }
  if (layouts.length === 0) {
    throw new DenimError("no-endorsers", "cannot satisfy any principal combination", {
      channelId,
      peers: peers.length,
      combinations: sets.length,
    });
  }
  return { chaincode: interest.chaincodes[0].name, groups, layouts };
}

/** Combinations of principals that satisfy the policies of all chaincodes of the interest. */
function principalSets(
  { chaincodes }: InterestedPeersSources,
  channelId: string,
  interest: ChaincodeInterest,
  principals: Principals,
  peersBeing: (principal: number) => readonly PeerMember[],
): readonly PrincipalSet[] {
  const policies = policiesOf(chaincodes, channelId, interest);
  const perChaincode = policies.map((policy) => {
    const numbers = policy.identities.map((identity) => principals.numberOf(identity));
    const combinations = policyCombinations(policy, {
      usable: (identity) =>
        numbers[identity] !== undefined && peersBeing(numbers[identity]).length > 0,
    }).map((set) => set.map((identity) => numbers[identity]));
    if (combinations.some((set) => set.some((one) => !principals.isComparable(one)))) {
      throw new DenimError(
        "unsupported-principal",
        "failed creating a comparable principal set",
        { channelId },
      );
    }
    if (combinations.length === 0) {
      throw new DenimError(
        "no-endorsers",
        "chaincode isn't installed on sufficient organizations required by the endorsement policy",
        { channelId },
      );
    }
    return combinations;
  });
  const [first, ...others] = perChaincode;
  if (first === undefined) {
    throw new DenimError("no-endorsers", "no principal sets remained after filtering");
  }
  const satisfiable = (set: PrincipalSet) => isSatisfied(quantitiesOf(set), peersBeing);
  return others.reduce<readonly PrincipalSet[]>(
    (merged, next) => mergeCombinations(merged, next, principals, { satisfiable }),
    first,
  );
}

/**
 * All policies that the endorsements must satisfy: those of the chaincodes, and of keys where the
 * interest has them (Fabric 2.x).
 */
function policiesOf(
  chaincodes: InterestedPeersSources["chaincodes"],
  channelId: string,
  { chaincodes: calls }: ChaincodeInterest,
): readonly SignaturePolicyEnvelope[] {
  // A chaincode's policy merged with itself once more than Fabric's first time changes nothing.
  const names = calls.filter((call) => !disregardsNamespacePolicy(call)).map(({ name }) => name)
    .filter((name, i, all) => all.slice(0, i).filter((one) => one === name).length < 2);
  const ofChaincodes = names.map((name) => {
    const bytes = chaincodes.metadata(channelId, name, false)?.policy;
    return checkedPolicy(bytes && tryDecodeAsGo(SignaturePolicyEnvelopeSchema, bytes));
  });
  const ofKeys = new Map<string, SignaturePolicyEnvelope>();
  for (const policy of calls.flatMap(({ keyPolicies }) => keyPolicies)) {
    // Many keys share a policy; a transaction may write thousands.
    ofKeys.set(hex(toBinary(SignaturePolicyEnvelopeSchema, policy)), checkedPolicy(policy));
  }
  if (ofKeys.size > maxKeyPolicies) {
    throw new DenimError(
      "interest-too-large",
      `a chaincode interest has at most ${maxKeyPolicies} different key policies, not ${ofKeys.size}`,
      { keyPolicies: ofKeys.size, maxKeyPolicies },
    );
  }
  return [...ofChaincodes, ...ofKeys.values()];
}

/** @throws DenimError `no-policy` where nothing would be left that endorsements must satisfy */
function disregardsNamespacePolicy(call: ChaincodeCall): boolean {
  if (!call.disregardNamespacePolicy) return false;
  if (call.keyPolicies.length > 0) return true;
  throw new DenimError(
    "no-policy",
    `requested to disregard chaincode ${call.name}'s policy but key and collection policies are ` +
      "missing, either disable DisregardNamespacePolicy or specify at least one key policy or at " +
      "least one collection policy",
    { chaincode: call.name },
  );
}

/** @throws DenimError `policy-not-found` also for a policy that cannot be read, as in Fabric */
function checkedPolicy(policy: SignaturePolicyEnvelope | undefined): SignaturePolicyEnvelope {
  if (!policy?.rule || policy.identities.length === 0) {
    throw new DenimError("policy-not-found", "policy not found");
  }
  return policy;
}

function quantitiesOf(set: PrincipalSet): ReadonlyMap<number, number> {
  const quantities = new Map<number, number>();
  for (const principal of set) quantities.set(principal, (quantities.get(principal) ?? 0) + 1);
  return quantities;
}

/** Are there enough peers for each principal, each looked at by itself? */
function isSatisfied(
  quantities: ReadonlyMap<number, number>,
  peersBeing: (principal: number) => readonly PeerMember[],
): boolean {
  for (const [principal, quantity] of quantities) {
    if (peersBeing(principal).length < quantity) return false;
  }
  return true;
}

function idOf({ pkiId }: PeerMember): string {
  return hex(pkiId);
}
