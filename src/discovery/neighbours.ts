/** Peers of one process, which know each other without asking. */
import type { SelfDescription } from "./self-description.ts";
import type { Membership, PeerMember } from "./types.ts";

export class Neighbours {
  readonly #all = new Set<SelfDescription>();

  /** From now on the others know this peer, until `leave`. */
  join(self: SelfDescription): Membership & { leave(): void } {
    this.#all.add(self);
    const others = () => [...this.#all].filter((one) => one !== self);
    return {
      localPeers: () => others().map((one) => elsewhere(one.member())),
      channelPeers: (channelId) =>
        others().flatMap((one) => {
          const member = one.memberIn(channelId);
          return member === undefined ? [] : [elsewhere(member)];
        }),
      leave: () => this.#all.delete(self),
    };
  }
}

function elsewhere(member: PeerMember): PeerMember {
  return { ...member, local: false };
}
