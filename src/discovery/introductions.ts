/**
 * Peers that are no anchor peers introduce themselves where they ask: the service of the asked, and
 * what the asking say. Denim's own, in place of gossip.
 */
import { create } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { PeerSchema } from "../gen/discovery/protocol_pb.ts";
import {
  ChannelPeerSchema,
  IntroducedSchema,
  type Introduction,
  IntroductionSchema,
  type Membership,
} from "../gen/denim/membership_pb.ts";
import type { IdentityDeserializer } from "../msp/types.ts";
import type { SignedData } from "../policy/types.ts";
import type { ServiceHandlers } from "../rpc/types.ts";
import { checkToldPeer, type ToldPeer } from "./told-peer.ts";
import type { PeerMember } from "./types.ts";

/** Channels of one introduction that are looked at. */
export const maxIntroducedChannels = 100;

export interface IntroductionServiceOptions {
  /** The MSPs of a channel; undefined for one that this peer has not joined. */
  identities(channelId: string): IdentityDeserializer | undefined;
  /** May it take part in the channel? Gossip asks its members to be readers. @throws DenimError */
  checkMember(channelId: string, signed: SignedData): void;
  /** Takes in a peer. */
  add(channelId: string, told: ToldPeer): void;
  readonly logger: Logger;
}

/** Handlers for `denim.Membership`. Nothing is believed that the introduced peer has not signed. */
export function createIntroductionService(
  options: IntroductionServiceOptions,
): ServiceHandlers<typeof Membership> {
  return {
    introduce({ peers }, { remoteAddress }) {
      let channels = 0;
      for (const { channel: channelId, peer } of peers.slice(0, maxIntroducedChannels)) {
        const identities = options.identities(channelId);
        if (identities === undefined || peer === undefined) continue;
        try {
          // No organisation has the empty name: none may leave out its peer's signature.
          const told = checkToldPeer(peer, { channelId, identities, askedMspId: "" });
          const { payload, signature } = told.member.membership;
          options.checkMember(channelId, { data: payload, signature, identity: peer.identity });
          options.add(channelId, told);
          channels++;
        } catch (error) {
          options.logger.debug(
            `[${channelId}] introduction from ${remoteAddress} refused: ${messageOf(error)}`,
          );
        }
      }
      return create(IntroducedSchema, { channels });
    },
  };
}

/** What a peer says of itself on these channels; undefined where it is on none or shows no address. */
export function introductionOf(
  memberIn: (channelId: string) => PeerMember | undefined,
  channelIds: readonly string[],
): Introduction | undefined {
  const peers = channelIds.slice(0, maxIntroducedChannels).flatMap((channel) => {
    const member = memberIn(channel);
    if (member === undefined || member.endpoint === "") return [];
    const { identity, membership: membershipInfo, stateInfo } = member;
    const peer = create(PeerSchema, { identity, membershipInfo, stateInfo });
    return [create(ChannelPeerSchema, { channel, peer })];
  });
  return peers.length === 0 ? undefined : create(IntroductionSchema, { peers });
}
