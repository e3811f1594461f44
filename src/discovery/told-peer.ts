/** A peer as another peer's Discovery service tells of it: believed only as far as it is signed. */
import { create } from "@bufbuild/protobuf";
import { equal } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import type { Peer } from "../gen/discovery/protocol_pb.ts";
import {
  type AliveMessage,
  type Envelope,
  EnvelopeSchema,
  GossipMessageSchema,
  type PeerTime,
  type StateInfo,
} from "../gen/gossip/message_pb.ts";
import type { Identity, IdentityDeserializer } from "../msp/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { channelMac, pkiIdOf } from "./pki-id.ts";
import type { PeerMember } from "./types.ts";

/** Longest address of a peer; longer ones are not believed. */
const maxEndpointLength = 512;

/** Chaincodes of one peer on one channel; a peer with more is not believed. */
const maxChaincodes = 10_000;

export interface ToldPeer {
  readonly member: PeerMember;
  /** Grows with every alive message of the peer. */
  readonly aliveAt: PeerTime;
  readonly stateAt: PeerTime;
  /** Has the peer itself signed its address? A Go peer does not sign what it says of itself here. */
  readonly signed: boolean;
}

export interface ToldPeerRules {
  readonly channelId: string;
  readonly identities: IdentityDeserializer;
  /** The organisation whose peer was asked: it may name its own peers without their signature. */
  readonly askedMspId: string;
}

/** @throws DenimError `untrustworthy-peer`, or what is wrong with the identity */
export function checkToldPeer(
  { identity: serialized, membershipInfo, stateInfo }: Peer,
  { channelId, identities, askedMspId }: ToldPeerRules,
): ToldPeer {
  const identity = identities.deserializeIdentity(serialized);
  identity.validate();
  const pkiId = pkiIdOf(serialized);
  const alive = contentOf(membershipInfo, "aliveMsg");
  const state = contentOf(stateInfo, "stateInfo");
  const { membership, timestamp: aliveAt } = alive.content;
  const { properties, timestamp: stateAt } = state.content;
  if (membership === undefined || aliveAt === undefined) throw untrustworthy("membership is empty");
  if (properties === undefined || stateAt === undefined) throw untrustworthy("properties is nil");
  if (!equal(membership.pkiId, pkiId) || !equal(state.content.pkiId, pkiId)) {
    throw untrustworthy("the PKI-ID is not the identity's");
  }
  if (!equal(state.content.channelMAC, channelMac(pkiId, channelId))) {
    throw untrustworthy("the state is of another channel");
  }
  if (properties.leftChannel) throw untrustworthy("it has left the channel");
  if (membership.endpoint === "" || membership.endpoint.length > maxEndpointLength) {
    throw untrustworthy("it has no address");
  }
  if (properties.chaincodes.length > maxChaincodes) throw untrustworthy("too many chaincodes");
  if (!isSigned(state.envelope, identity)) throw untrustworthy("its state is not signed");
  const signed = isSigned(alive.envelope, identity);
  if (!signed && !(alive.envelope.signature.length === 0 && identity.mspId === askedMspId)) {
    throw untrustworthy("its address is not signed");
  }
  return {
    member: {
      mspId: identity.mspId,
      endpoint: membership.endpoint,
      identity: serialized,
      pkiId,
      ledgerHeight: properties.ledgerHeight,
      chaincodes: properties.chaincodes.map(({ name, version }) => ({ name, version })),
      membership: alive.envelope,
      stateInfo: state.envelope,
      local: false,
    },
    aliveAt,
    stateAt,
    signed,
  };
}

/** Negative, 0 or positive as `a` is before, at or after `b`. */
export function comparePeerTime(a: PeerTime, b: PeerTime): number {
  if (a.incNum !== b.incNum) return a.incNum < b.incNum ? -1 : 1;
  if (a.seqNum !== b.seqNum) return a.seqNum < b.seqNum ? -1 : 1;
  return 0;
}

interface Contents {
  readonly aliveMsg: AliveMessage;
  readonly stateInfo: StateInfo;
}

function contentOf<Case extends keyof Contents>(
  envelope: Envelope | undefined,
  wanted: Case,
): { readonly envelope: Envelope; readonly content: Contents[Case] } {
  if (envelope === undefined) throw untrustworthy(`it comes without ${wanted}`);
  const { content } = decodeAsGo(GossipMessageSchema, envelope.payload);
  if (content.case !== wanted) throw untrustworthy(`it comes without ${wanted}`);
  const { payload, signature } = envelope;
  return {
    envelope: create(EnvelopeSchema, { payload, signature }),
    content: content.value as Contents[Case],
  };
}

function isSigned({ payload, signature }: Envelope, identity: Identity): boolean {
  return signature.length > 0 && identity.verify(payload, signature);
}

function untrustworthy(message: string): DenimError {
  return new DenimError("untrustworthy-peer", message);
}
