/**
 * Collecting endorsements until one combination of peers is complete. Mirrors
 * internal/pkg/gateway/endorsement.go of Fabric 2.5; here a peer may belong to several groups.
 */
import { equal, hex } from "../base/bytes.ts";
import type { ErrorDetail } from "../gen/gateway/gateway_pb.ts";
import type { Endorsement, ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import { errorDetail } from "./gateway-error.ts";
import type { GatewayEndorser } from "./types.ts";

/** A combination that suffices: how many peers of which groups are still missing. */
class Layout {
  readonly #missing: Map<string, number>;
  readonly endorsements: Endorsement[] = [];
  /** No longer possible: one of its groups has too few peers left. */
  abandoned = false;

  constructor(required: Readonly<Record<string, number>>) {
    this.#missing = new Map(Object.entries(required).filter(([, quantity]) => quantity > 0));
  }

  get missing(): ReadonlyMap<string, number> {
    return this.#missing;
  }

  get complete(): boolean {
    return this.#missing.size === 0;
  }

  /** Counts for the first of these groups that misses one. */
  add(groups: readonly string[], endorsement: Endorsement): void {
    const group = groups.find((one) => this.#missing.has(one));
    if (group === undefined) return;
    const quantity = this.#missing.get(group) ?? 0;
    if (quantity > 1) this.#missing.set(group, quantity - 1);
    else this.#missing.delete(group);
    this.endorsements.push(endorsement);
  }
}

export interface Mismatch {
  readonly endorser: GatewayEndorser;
  readonly expected: Uint8Array;
  readonly actual: Uint8Array;
  /** Whose answer is the measure. */
  readonly first: GatewayEndorser;
}

export class Plan {
  readonly #layouts: readonly Layout[];
  /** Peers of each group that were not asked yet, best first. */
  readonly #waiting: ReadonlyMap<string, GatewayEndorser[]>;
  /** By peer; the one that the peer was chosen for comes first. */
  readonly #groupsOf = new Map<string, string[]>();
  readonly #errors: ErrorDetail[] = [];
  #first: { endorser: GatewayEndorser; payload: Uint8Array } | undefined;
  #complete: Layout | undefined;

  /**
   * @param layouts in the order in which they are tried
   * @param groups peers in the order in which they are asked
   */
  constructor(
    layouts: readonly Readonly<Record<string, number>>[],
    groups: ReadonlyMap<string, readonly GatewayEndorser[]>,
    readonly onMismatch: (mismatch: Mismatch) => void = () => {},
  ) {
    // Nobody's endorsement is none: a layout without peers does not count.
    this.#layouts = layouts.map((layout) => new Layout(layout)).filter(({ complete }) => !complete);
    this.#waiting = new Map([...groups].map(([group, endorsers]) => [group, [...endorsers]]));
    for (const [group, endorsers] of groups) {
      for (const { pkiId } of endorsers) {
        this.#groupsOf.set(pkiId, [...this.#groupsOf.get(pkiId) ?? [], group]);
      }
    }
  }

  /** What went wrong so far. */
  get errors(): readonly ErrorDetail[] {
    return this.#errors;
  }

  /** The agreed payload and its endorsements, one for each endorser, when a layout is complete. */
  result(): { payload: Uint8Array; endorsements: readonly Endorsement[] } | undefined {
    if (!this.#complete || !this.#first) return undefined;
    const byEndorser = new Map<string, Endorsement>();
    for (const endorsement of this.#complete.endorsements) {
      const key = hex(endorsement.endorser);
      if (!byEndorser.has(key)) byEndorser.set(key, endorsement);
    }
    return { payload: this.#first.payload, endorsements: [...byEndorser.values()] };
  }

  /** The peers that the next possible layout still needs; undefined when no layout is left. */
  nextEndorsers(): GatewayEndorser[] | undefined {
    for (const layout of this.#layouts) {
      if (layout.abandoned) continue;
      const chosen = this.#choose(layout.missing);
      if (!chosen) {
        layout.abandoned = true;
        continue;
      }
      for (const [endorser, group] of chosen) this.#take(endorser, group);
      return [...chosen.keys()];
    }
    return undefined;
  }

  /** Different peers for all groups, those of the smallest group first; undefined for too few. */
  #choose(missing: ReadonlyMap<string, number>): Map<GatewayEndorser, string> | undefined {
    const chosen = new Map<GatewayEndorser, string>();
    const pkiIds = new Set<string>();
    const waiting = (group: string) => this.#waiting.get(group) ?? [];
    const groups = [...missing].toSorted(([a], [b]) => waiting(a).length - waiting(b).length);
    for (const [group, quantity] of groups) {
      const free = waiting(group).filter(({ pkiId }) => !pkiIds.has(pkiId)).slice(0, quantity);
      if (free.length < quantity) return undefined;
      for (const endorser of free) {
        chosen.set(endorser, group);
        pkiIds.add(endorser.pkiId);
      }
    }
    return chosen;
  }

  /** The peer is asked now, on behalf of this group: nobody asks it again. */
  #take({ pkiId }: GatewayEndorser, group?: string): void {
    const groups = this.#groupsOf.get(pkiId) ?? [];
    for (const one of groups) {
      const waiting = this.#waiting.get(one);
      const at = waiting?.findIndex((endorser) => endorser.pkiId === pkiId) ?? -1;
      if (at >= 0) waiting?.splice(at, 1);
    }
    if (group === undefined) return;
    this.#groupsOf.set(pkiId, [group, ...groups.filter((one) => one !== group)]);
  }

  /** Another peer of the same group, to ask in place of one that failed. */
  nextInGroup(failed: GatewayEndorser): GatewayEndorser | undefined {
    const [group] = this.#groupsOf.get(failed.pkiId) ?? [];
    if (group === undefined) return undefined;
    const [next] = this.#waiting.get(group) ?? [];
    if (next) this.#take(next, group);
    return next;
  }

  /** Notes why a peer did not endorse. */
  addError(endorser: GatewayEndorser, message: string): void {
    this.#errors.push(errorDetail(endorser, message));
  }

  /**
   * Counts an endorsement for every layout that needs it; the peer need not have come from here.
   * @returns false where its payload differs from that of the others
   */
  add(endorser: GatewayEndorser, { payload, endorsement }: ProposalResponse): boolean {
    this.#take(endorser);
    if (!endorsement) {
      this.addError(endorser, "proposal response carries no endorsement");
      return false;
    }
    this.#first ??= { endorser, payload };
    if (!equal(this.#first.payload, payload)) {
      const { endorser: first, payload: expected } = this.#first;
      this.onMismatch({ endorser, expected, actual: payload, first });
      this.addError(endorser, "ProposalResponsePayloads do not match");
      return false;
    }
    const groups = this.#groupsOf.get(endorser.pkiId) ?? [];
    for (const layout of this.#layouts) {
      if (layout.abandoned) continue;
      layout.add(groups, endorsement);
      if (layout.complete) {
        this.#complete ??= layout;
        return true;
      }
    }
    return true;
  }
}
