/** All peers that this peer knows, from wherever it knows them. */
import { hex } from "../base/bytes.ts";
import type { SelfDescription } from "./self-description.ts";
import type { Membership, PeerMember } from "./types.ts";

/** This peer first, then what the others say; of two entries of one peer the first counts. */
export class KnownPeers implements Membership {
  /** @param others who knows peers besides this one; in order of how close to the peers they are */
  constructor(
    private readonly self: SelfDescription,
    private readonly others: readonly Membership[],
  ) {}

  localPeers(): readonly PeerMember[] {
    return distinct([
      this.self.member(),
      ...this.others.flatMap((other) => other.localPeers()),
    ]);
  }

  channelPeers(channelId: string): readonly PeerMember[] {
    const self = this.self.memberIn(channelId);
    if (self === undefined) return [];
    return distinct([self, ...this.others.flatMap((other) => other.channelPeers(channelId))]);
  }
}

function distinct(members: readonly PeerMember[]): readonly PeerMember[] {
  const byId = new Map<string, PeerMember>();
  for (const member of members) {
    const id = hex(member.pkiId);
    if (!byId.has(id)) byId.set(id, member);
  }
  return [...byId.values()];
}
