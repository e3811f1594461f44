/** Peers that others tell of, for as long as they show signs of life. */
import { equal, hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { comparePeerTime, type ToldPeer } from "./told-peer.ts";
import type { Membership, PeerMember } from "./types.ts";

/** Peers of one channel that are remembered; further ones are not taken in. */
export const maxToldPeers = 1_000;

interface Entry {
  told: ToldPeer;
  /** When a newer alive message came in. */
  seenAt: number;
}

export class ToldPeers implements Membership {
  /** By channel, then by PKI-ID. */
  readonly #channels = new Map<string, Map<string, Entry>>();

  /** @param staleAfterMs how long a peer is believed alive without a newer alive message */
  constructor(
    private readonly selfPkiId: Uint8Array,
    private readonly staleAfterMs: number,
    private readonly clock: Clock,
  ) {}

  add(channelId: string, told: ToldPeer): void {
    const { pkiId } = told.member;
    if (equal(pkiId, this.selfPkiId)) return;
    let entries = this.#channels.get(channelId);
    if (entries === undefined) this.#channels.set(channelId, entries = new Map());
    const id = hex(pkiId);
    const known = entries.get(id);
    if (known !== undefined) return this.#update(known, told);
    this.#forgetStale(entries);
    if (entries.size < maxToldPeers) entries.set(id, { told, seenAt: this.clock.now() });
  }

  #update(entry: Entry, told: ToldPeer): void {
    const { told: known } = entry;
    const newerAlive = comparePeerTime(told.aliveAt, known.aliveAt) > 0;
    if (newerAlive) entry.seenAt = this.clock.now();
    // What the peer has signed itself can be passed on to others; what it has not, cannot.
    const sameAddress = told.member.endpoint === known.member.endpoint;
    const takesAddress = newerAlive && (told.signed || !known.signed || !sameAddress) ||
      told.signed && !known.signed && sameAddress;
    const takesState = comparePeerTime(told.stateAt, known.stateAt) > 0;
    const address = takesAddress ? told : known;
    const state = takesState ? told : known;
    const { ledgerHeight, chaincodes, stateInfo } = state.member;
    const { endpoint, membership } = address.member;
    entry.told = {
      member: { ...known.member, endpoint, membership, ledgerHeight, chaincodes, stateInfo },
      aliveAt: newerAlive ? told.aliveAt : known.aliveAt,
      stateAt: state.stateAt,
      signed: address.signed,
    };
  }

  localPeers(): readonly PeerMember[] {
    return [...this.#channels.keys()].flatMap((channelId) =>
      this.channelPeers(channelId).map((member) => ({
        ...member,
        ledgerHeight: 0n,
        chaincodes: [],
        stateInfo: undefined,
      }))
    );
  }

  channelPeers(channelId: string): readonly PeerMember[] {
    const entries = this.#channels.get(channelId);
    if (entries === undefined) return [];
    this.#forgetStale(entries);
    return [...entries.values()].map(({ told }) => told.member);
  }

  #forgetStale(entries: Map<string, Entry>): void {
    const now = this.clock.now();
    for (const [id, { seenAt }] of entries) {
      if (now - seenAt > this.staleAfterMs) entries.delete(id);
    }
  }
}
