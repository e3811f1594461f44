/**
 * Who is there, and who can endorse: what the Discovery service answers and the gateway plans with.
 * The seam between whoever knows the peers (see `Membership`) and whoever asks.
 */
import type { ChaincodeInterest } from "../gen/discovery/protocol_pb.ts";
import type { Envelope } from "../gen/gossip/message_pb.ts";

/** A peer, as it described itself in signed gossip messages. */
export interface PeerMember {
  readonly mspId: string;
  /** host:port under which other organisations reach it, "" where it shows them none. */
  readonly endpoint: string;
  /** SerializedIdentity bytes. */
  readonly identity: Uint8Array;
  /** SHA-256 over MSP id and certificate, see `pkiIdOf`. */
  readonly pkiId: Uint8Array;
  /** Height of its ledger of the channel; 0 for a peer seen without a channel. */
  readonly ledgerHeight: bigint;
  /** Instantiated on the channel and installed on the peer; empty for a peer seen without a channel. */
  readonly chaincodes: readonly { readonly name: string; readonly version: string }[];
  /** The signed AliveMessage, as it came. */
  readonly membership: Envelope;
  /** The signed StateInfo, as it came; undefined for a peer seen without a channel. */
  readonly stateInfo?: Envelope;
  /** Is this the peer itself? */
  readonly local: boolean;
}

/** The peers that this peer knows, itself among them. Answers from memory; never waits. */
export interface Membership {
  /** All peers that are alive, whatever their channels: without heights, chaincodes and stateInfo. */
  localPeers(): readonly PeerMember[];
  /** Peers that joined the channel; none for a channel that this peer has not joined. */
  channelPeers(channelId: string): readonly PeerMember[];
}

/** How many peers of each group (`G0`, `G1`, …) endorse in one combination. */
export type EndorsementLayout = Readonly<Record<string, number>>;

/** Who can endorse a transaction: every layout, filled with peers of its groups, suffices. */
export interface EndorsementPlan {
  /** The interest's first chaincode. */
  readonly chaincode: string;
  /** Peers that may stand in for one another, by group. */
  readonly groups: ReadonlyMap<string, readonly PeerMember[]>;
  /** Never empty. */
  readonly layouts: readonly EndorsementLayout[];
}

export interface EndorsementPlanner {
  /**
   * @param interest at least one chaincode with a name, see `checkInterest`
   * @throws DenimError with Fabric's text where no combination of known peers can endorse
   */
  plan(channelId: string, interest: ChaincodeInterest): EndorsementPlan;
}
