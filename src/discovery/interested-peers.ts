/**
 * Peers of a channel that have an interest's chaincodes and belong to its collections. Mirrors
 * PeersAuthorizedByCriteria of discovery/endorsement/endorsement.go.
 */
import { DenimError } from "../base/errors.ts";
import type { ChaincodeInterest } from "../gen/discovery/protocol_pb.ts";
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import type { ChaincodeMetadata, ChaincodeMetadataSource } from "./chaincode-metadata.ts";
import { collectionPrincipals } from "./collection-filter.ts";
import type { Membership, PeerMember } from "./types.ts";

/** Chaincodes of one interest, that is: calls of one transaction. Fabric has no limit. */
export const maxInterestChaincodes = 32;

export interface InterestedPeersSources {
  readonly membership: Membership;
  readonly chaincodes: ChaincodeMetadataSource;
  /** Is the peer with this identity such a principal on the channel? Never throws. */
  satisfies(channelId: string, identity: Uint8Array, principal: MSPPrincipal): boolean;
}

/**
 * All peers of the channel where the interest names no chaincode.
 * @throws DenimError with Fabric's text for a chaincode or collection that the channel does not have
 */
export function interestedPeers(
  sources: InterestedPeersSources,
  channelId: string,
  interest: ChaincodeInterest | undefined,
): readonly PeerMember[] {
  const peers = sources.membership.channelPeers(channelId);
  const calls = interest?.chaincodes ?? [];
  if (calls.length === 0) return peers;
  if (calls.length > maxInterestChaincodes) {
    throw new DenimError(
      "interest-too-large",
      `a chaincode interest has at most ${maxInterestChaincodes} chaincodes, not ${calls.length}`,
      { chaincodes: calls.length, maxInterestChaincodes },
    );
  }
  const wanted: ChaincodeMetadata[] = [];
  const collections: (readonly MSPPrincipal[])[] = [];
  for (const call of calls) {
    const withCollections = call.collectionNames.length > 0;
    const metadata = sources.chaincodes.metadata(channelId, call.name, withCollections);
    if (metadata === undefined) {
      throw new DenimError(
        "unknown-chaincode",
        `No metadata was found for chaincode ${call.name} in channel ${channelId}`,
        { channelId, chaincode: call.name },
      );
    }
    wanted.push(metadata);
    // From Fabric 2.x on: what is only written need not be kept by the endorser.
    if (!call.noPrivateReads) collections.push(...collectionPrincipals(metadata, call));
  }
  const isOneOf = ({ identity }: PeerMember, principals: readonly MSPPrincipal[]) =>
    principals.some((principal) => sources.satisfies(channelId, identity, principal));
  return peers.filter((peer) =>
    wanted.every((chaincode) => hasChaincode(peer, chaincode)) &&
    collections.every((principals) => isOneOf(peer, principals))
  );
}

function hasChaincode({ chaincodes }: PeerMember, wanted: ChaincodeMetadata): boolean {
  return chaincodes.some(({ name, version }) => name === wanted.name && version === wanted.version);
}
