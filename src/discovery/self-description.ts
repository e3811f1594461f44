/**
 * What this peer says of itself, in the signed messages of gossip. Mirrors gossip/discovery (alive
 * messages) and gossip/gossip/channel (StateInfo).
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import {
  type Envelope,
  EnvelopeSchema,
  type GossipMessage,
  GossipMessage_Tag,
  GossipMessageSchema,
} from "../gen/gossip/message_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { channelMac, pkiIdOf } from "./pki-id.ts";
import type { PeerMember } from "./types.ts";

/** How old an alive message may be when it is given out (Fabric makes one each 5 s). */
export const aliveIntervalMs = 4_000;

/** The peer's part in a channel, as StateInfo tells it. */
export interface ChannelState {
  readonly ledgerHeight: bigint;
  readonly chaincodes: readonly { readonly name: string; readonly version: string }[];
}

export interface SelfDescriptionOptions {
  readonly signer: SigningIdentity;
  /** `peer.gossip.externalEndpoint`; "" hides the peer from everybody, as in Fabric. */
  readonly externalEndpoint: string;
  /** Undefined for a channel that this peer has not joined. */
  stateOf(channelId: string): ChannelState | undefined;
  readonly clock: Clock;
}

interface Signed {
  readonly envelope: Envelope;
  readonly state: ChannelState;
}

const nanosecondsPerMillisecond = 1_000_000n;

/** Signs at most one alive message each `aliveIntervalMs`, and a StateInfo when there is news. */
export class SelfDescription {
  readonly pkiId: Uint8Array;
  readonly #startedAt: bigint;
  #aliveCount = 0n;
  #alive: { readonly envelope: Envelope; readonly at: number } | undefined;
  #lastStateTime = 0n;
  readonly #states = new Map<string, Signed>();

  constructor(private readonly options: SelfDescriptionOptions) {
    this.pkiId = pkiIdOf(options.signer.serialized);
    this.#startedAt = this.#nanoseconds();
  }

  /** The peer without a channel. */
  member(): PeerMember {
    return this.#memberOf({ ledgerHeight: 0n, chaincodes: [] }, undefined);
  }

  /** The peer in a channel; undefined where it has not joined. */
  memberIn(channelId: string): PeerMember | undefined {
    const state = this.options.stateOf(channelId);
    if (state === undefined) return undefined;
    const known = this.#states.get(channelId);
    if (known !== undefined && sameState(known.state, state)) {
      return this.#memberOf(state, known.envelope);
    }
    const envelope = this.#stateInfo(channelId, state);
    this.#states.set(channelId, { envelope, state });
    return this.#memberOf(state, envelope);
  }

  #memberOf(state: ChannelState, stateInfo: Envelope | undefined): PeerMember {
    const { signer, externalEndpoint } = this.options;
    return {
      mspId: signer.mspId,
      endpoint: externalEndpoint,
      identity: signer.serialized,
      pkiId: this.pkiId,
      ledgerHeight: state.ledgerHeight,
      chaincodes: state.chaincodes,
      membership: this.#aliveMessage(),
      stateInfo,
      local: true,
    };
  }

  #aliveMessage(): Envelope {
    const now = this.options.clock.now();
    if (this.#alive !== undefined && Math.abs(now - this.#alive.at) < aliveIntervalMs) {
      return this.#alive.envelope;
    }
    const envelope = this.#signed(create(GossipMessageSchema, {
      tag: GossipMessage_Tag.EMPTY,
      content: {
        case: "aliveMsg",
        value: {
          membership: { endpoint: this.options.externalEndpoint, pkiId: this.pkiId },
          timestamp: { incNum: this.#startedAt, seqNum: ++this.#aliveCount },
        },
      },
    }));
    this.#alive = { envelope, at: now };
    return envelope;
  }

  #stateInfo(channelId: string, { ledgerHeight, chaincodes }: ChannelState): Envelope {
    // Later messages must look later, also when the clock stands still or is set back.
    const now = this.#nanoseconds();
    this.#lastStateTime = now > this.#lastStateTime ? now : this.#lastStateTime + 1n;
    return this.#signed(create(GossipMessageSchema, {
      tag: GossipMessage_Tag.CHAN_OR_ORG,
      content: {
        case: "stateInfo",
        value: {
          timestamp: { incNum: this.#startedAt, seqNum: this.#lastStateTime },
          pkiId: this.pkiId,
          channelMAC: channelMac(this.pkiId, channelId),
          properties: {
            ledgerHeight,
            leftChannel: false,
            chaincodes: chaincodes.map(({ name, version }) => ({ name, version })),
          },
        },
      },
    }));
  }

  #signed(message: GossipMessage): Envelope {
    const payload = toBinary(GossipMessageSchema, message);
    return create(EnvelopeSchema, { payload, signature: this.options.signer.sign(payload) });
  }

  #nanoseconds(): bigint {
    return BigInt(Math.max(0, Math.trunc(this.options.clock.now()))) * nanosecondsPerMillisecond;
  }
}

function sameState(a: ChannelState, b: ChannelState): boolean {
  if (a === b) return true;
  return a.ledgerHeight === b.ledgerHeight && a.chaincodes.length === b.chaincodes.length &&
    a.chaincodes.every(({ name, version }, i) =>
      b.chaincodes[i].name === name && b.chaincodes[i].version === version
    );
}
