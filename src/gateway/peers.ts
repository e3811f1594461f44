/**
 * The peers that the gateway may ask, and who of them for what. Mirrors the endorsing half of
 * internal/pkg/gateway/registry.go of Fabric 2.5.
 */
import { hex } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { EndorsementPlan, PeerMember } from "../discovery/types.ts";
import type { ChaincodeInterest } from "../gen/discovery/protocol_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import type { Connections } from "./connections.ts";
import { logMismatch } from "./log-mismatch.ts";
import { Plan } from "./plan.ts";
import { shuffled } from "./shuffled.ts";
import type { GatewayDependencies, GatewayEndorser } from "./types.ts";

interface Candidate {
  readonly endorser: GatewayEndorser;
  readonly height: bigint;
}

/** The one group of a plan that needs any one peer. */
const anyPeer = "any";

export class Peers {
  readonly #logger: Logger;

  constructor(
    private readonly dependencies: GatewayDependencies,
    private readonly connections: Connections,
  ) {
    this.#logger = dependencies.logger;
  }

  /**
   * One peer of each organisation; the client knows that these suffice.
   * @throws DenimError `no-endorsers` naming organisations without a peer that has the chaincode
   */
  ofOrganizations(channelId: string, chaincode: string, organizations: readonly string[]): Plan {
    const byOrganization = this.#byOrganization(channelId, chaincode);
    const wanted = [...new Set(organizations)];
    const missing = wanted.filter((mspId) => !byOrganization.has(mspId));
    if (missing.length > 0) {
      throw new DenimError(
        "no-endorsers",
        `failed to find any endorsing peers for org(s): ${missing.join(", ")}`,
        { channelId, chaincode, missing },
      );
    }
    const groups = new Map(
      wanted.map((mspId) => [mspId, endorsersOf(byOrganization.get(mspId) ?? [])]),
    );
    return this.#plan([Object.fromEntries(wanted.map((mspId) => [mspId, 1]))], groups);
  }

  /**
   * Any one peer: of this peer's organisation if possible, then the highest.
   * @param organizations whose peers may be asked; empty: all
   * @throws DenimError `no-endorsers`
   */
  forEvaluation(channelId: string, chaincode: string, organizations: readonly string[]): Plan {
    const byOrganization = this.#byOrganization(channelId, chaincode);
    const allowed = organizations.length === 0 ? [...byOrganization.keys()] : organizations;
    const { mspId: own } = this.dependencies.local;
    const others = new Set(allowed.filter((mspId) => mspId !== own));
    const candidates = [
      ...(allowed.includes(own) ? byOrganization.get(own) ?? [] : []),
      ...[...others].flatMap((mspId) => byOrganization.get(mspId) ?? []).toSorted(preference),
    ];
    if (candidates.length === 0) {
      throw new DenimError(
        "no-endorsers",
        `no peers available to evaluate chaincode ${chaincode} in channel ${channelId}`,
        { channelId, chaincode },
      );
    }
    return this.#plan([{ [anyPeer]: 1 }], new Map([[anyPeer, endorsersOf(candidates)]]));
  }

  /**
   * Whatever the endorsement policies of the interest ask for.
   * @param preferred layouts with this peer come first
   * @throws DenimError `no-endorsers` with Fabric's text
   */
  forInterest(channelId: string, interest: ChaincodeInterest, preferred?: GatewayEndorser): Plan {
    let found: EndorsementPlan;
    try {
      found = this.dependencies.planner.plan(channelId, interest);
    } catch (error) {
      throw new DenimError(
        "no-endorsers",
        "no combination of peers can be derived which satisfy the endorsement policy: " +
          messageOf(error),
        { channelId },
        undefined,
        { cause: error },
      );
    }
    const unavailable: string[] = [];
    const groups = new Map<string, GatewayEndorser[]>();
    for (const [group, members] of found.groups) {
      const candidates = members.flatMap((member) => {
        const candidate = this.#candidate(member, channelId);
        if (!candidate) unavailable.push(member.endpoint);
        return candidate ?? [];
      });
      groups.set(group, endorsersOf(candidates.toSorted(preference)));
    }
    const possible = found.layouts.filter((layout) =>
      Object.entries(layout).every(([group, quantity]) =>
        (groups.get(group)?.length ?? 0) >= quantity
      )
    );
    if (possible.length === 0) {
      throw new DenimError(
        "no-endorsers",
        "failed to select a set of endorsers that satisfy the endorsement policy due to " +
          `unavailability of peers: [${unavailable.join(" ")}]`,
        { channelId, unavailable },
      );
    }
    const preferredGroups = [...groups].filter(([, endorsers]) =>
      endorsers.some(({ pkiId }) => pkiId === preferred?.pkiId)
    ).map(([group]) => group);
    const isPreferred = (layout: Readonly<Record<string, number>>) =>
      preferredGroups.some((group) => group in layout);
    const mixed = shuffled(possible, this.dependencies.random);
    return this.#plan(
      [...mixed.filter(isPreferred), ...mixed.filter((layout) => !isPreferred(layout))],
      groups,
    );
  }

  #plan(
    layouts: readonly Readonly<Record<string, number>>[],
    groups: ReadonlyMap<string, readonly GatewayEndorser[]>,
  ): Plan {
    return new Plan(layouts, groups, (mismatch) => logMismatch(this.#logger, mismatch));
  }

  /** Peers that have the chaincode, best first. */
  #byOrganization(channelId: string, chaincode: string): Map<string, Candidate[]> {
    const everywhere = this.dependencies.isSystemChaincode(chaincode);
    const byOrganization = new Map<string, Candidate[]>();
    for (const member of this.dependencies.membership.channelPeers(channelId)) {
      if (!everywhere && !member.chaincodes.some(({ name }) => name === chaincode)) continue;
      const candidate = this.#candidate(member, channelId);
      if (!candidate) continue;
      const candidates = byOrganization.get(member.mspId);
      if (candidates) candidates.push(candidate);
      else byOrganization.set(member.mspId, [candidate]);
    }
    for (const candidates of byOrganization.values()) candidates.sort(preference);
    return byOrganization;
  }

  #candidate(member: PeerMember, channelId: string): Candidate | undefined {
    const { endpoint: address, mspId } = member;
    const pkiId = hex(member.pkiId);
    const { local } = this.dependencies;
    if (member.local) {
      const height = this.dependencies.channel(channelId)?.ledger.info().height;
      return {
        endorser: {
          address: local.address,
          mspId: local.mspId,
          pkiId,
          local: true,
          processProposal: (signed, signal) => local.processProposal(signed, signal),
        },
        height: height === undefined ? member.ledgerHeight : BigInt(height),
      };
    }
    if (address === "") {
      this.#logger.warn("No endpoint for endorser", { mspId, pkiId, channelId });
      return undefined;
    }
    const roots = this.dependencies.channel(channelId)?.tlsRoots(mspId) ?? [];
    return {
      endorser: {
        address,
        mspId,
        pkiId,
        local: false,
        processProposal: (signed, signal) =>
          this.connections.to(address, roots).unary(Endorser.method.processProposal, signed, {
            signal,
          }),
      },
      height: member.ledgerHeight,
    };
  }
}

function endorsersOf(candidates: readonly Candidate[]): GatewayEndorser[] {
  return candidates.map(({ endorser }) => endorser);
}

/** The highest first; among equals this peer itself. */
function preference(a: Candidate, b: Candidate): number {
  if (a.height !== b.height) return a.height > b.height ? -1 : 1;
  return Number(b.endorser.local) - Number(a.endorser.local);
}
