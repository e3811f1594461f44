/** Peers and plans as the service's messages. Mirrors discovery/service.go and discovery/support/gossip. */
import { create } from "@bufbuild/protobuf";
import { hex } from "../base/bytes.ts";
import {
  type EndorsementDescriptor,
  EndorsementDescriptorSchema,
  type Peer,
  type PeerMembershipResult,
  PeerMembershipResultSchema,
  type Peers,
  PeerSchema,
  PeersSchema,
} from "../gen/discovery/protocol_pb.ts";
import { type Envelope, EnvelopeSchema } from "../gen/gossip/message_pb.ts";
import type { EndorsementPlan, PeerMember } from "./types.ts";

/**
 * Peers by organisation. Every organisation with a known peer has an entry, also where none of its
 * peers is in the list; peers without an external endpoint are left out.
 * @param inChannel those to show, with their StateInfo; undefined: all, without
 */
export function membershipResult(
  known: readonly PeerMember[],
  inChannel?: readonly PeerMember[],
): PeerMembershipResult {
  const byOrg: Record<string, Peers> = {};
  const channelPeers = inChannel && new Map(inChannel.map((peer) => [hex(peer.pkiId), peer]));
  for (const member of known) {
    const peers = byOrg[member.mspId] ??= create(PeersSchema);
    if (member.endpoint === "") continue;
    if (channelPeers === undefined) {
      peers.peers.push(peerMessage(member, undefined));
      continue;
    }
    const peer = channelPeers.get(hex(member.pkiId));
    if (peer !== undefined) peers.peers.push(peerMessage(member, peer.stateInfo));
  }
  return create(PeerMembershipResultSchema, { peersByOrg: byOrg });
}

/** A plan as the answer to an endorsement query: groups with their peers, layouts with their quantities. */
export function endorsementDescriptor(
  { chaincode, groups, layouts }: EndorsementPlan,
): EndorsementDescriptor {
  const endorsersByGroups: Record<string, Peers> = {};
  for (const [name, members] of groups) {
    endorsersByGroups[name] = create(PeersSchema, {
      peers: members.map((member) => peerMessage(member, member.stateInfo)),
    });
  }
  return create(EndorsementDescriptorSchema, {
    chaincode,
    endorsersByGroups,
    layouts: layouts.map((quantitiesByGroup) => ({ quantitiesByGroup: { ...quantitiesByGroup } })),
  });
}

function peerMessage({ identity, membership }: PeerMember, stateInfo: Envelope | undefined): Peer {
  return create(PeerSchema, { identity, membershipInfo: withoutSecret(membership), stateInfo });
}

/** The address inside an organisation stays there. */
function withoutSecret({ payload, signature }: Envelope): Envelope {
  return create(EnvelopeSchema, { payload, signature });
}
