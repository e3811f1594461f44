import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type Peer, PeerSchema } from "../gen/discovery/protocol_pb.ts";
import {
  type Envelope,
  EnvelopeSchema,
  type GossipMessage,
  GossipMessageSchema,
} from "../gen/gossip/message_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { SelfDescription } from "./self-description.ts";
import { channelId, peerSigner, recordedBundle } from "./testing-peers.ts";
import { checkToldPeer } from "./told-peer.ts";
import { maxToldPeers, ToldPeers } from "./told-peers.ts";

const signer = peerSigner("peer0.org2");
const identities = recordedBundle.mspManager;
const staleAfterMs = 25_000;

function selfAt(clock: { now(): number }, endpoint = "peer:7051") {
  const state = { ledgerHeight: 7n, chaincodes: [{ name: "cc", version: "1" }] };
  return new SelfDescription({ signer, externalEndpoint: endpoint, stateOf: () => state, clock });
}

/** The peer as an honest Discovery service tells of it. */
function told(self: SelfDescription): Peer {
  const { identity, membership: membershipInfo, stateInfo } = self.memberIn(channelId)!;
  return create(PeerSchema, { identity, membershipInfo, stateInfo });
}

/** Another envelope, signed again or not at all. */
function changed(
  { payload }: Envelope,
  change: (message: GossipMessage) => void,
  by?: SigningIdentity,
): Envelope {
  const message = fromBinary(GossipMessageSchema, payload);
  change(message);
  const bytes = toBinary(GossipMessageSchema, message);
  return create(EnvelopeSchema, { payload: bytes, signature: by?.sign(bytes) });
}

const check = (peer: Peer, askedMspId = "Org1MSP") =>
  checkToldPeer(peer, { channelId, identities, askedMspId });

const alive = (change: (alive: AliveContent) => void) => (message: GossipMessage) => {
  assert.equal(message.content.case, "aliveMsg");
  change(message.content.value as AliveContent);
};
type AliveContent = Extract<GossipMessage["content"], { case: "aliveMsg" }>["value"];

Deno.test("a peer that describes itself is believed, with what it says", () => {
  const { member, signed } = check(told(selfAt({ now: () => 1_000 })));
  assert.equal(member.mspId, "Org2MSP");
  assert.equal(member.endpoint, "peer:7051");
  assert.equal(member.ledgerHeight, 7n);
  assert.deepEqual(member.chaincodes, [{ name: "cc", version: "1" }]);
  assert.ok(signed && !member.local);
});

Deno.test("an address that the peer has not signed is believed only of the asked organisation", () => {
  const peer = told(selfAt({ now: () => 1_000 }));
  const unsigned = create(EnvelopeSchema, { payload: peer.membershipInfo!.payload });
  const half = { ...peer, membershipInfo: unsigned };
  assert.throws(() => check(half, "Org1MSP"), /its address is not signed/);
  assert.equal(check(half, "Org2MSP").signed, false);
});

Deno.test("forged, foreign and broken peers are not believed", () => {
  const peer = told(selfAt({ now: () => 1_000 }));
  const other = peerSigner("peer0.org1");
  const setEndpoint = (endpoint: string) =>
    alive(({ membership }) => void (membership!.endpoint = endpoint));
  const { membershipInfo, stateInfo } = peer as Required<Peer>;
  const member = (envelope: Envelope | undefined) => ({ ...peer, membershipInfo: envelope });
  const cases: [Peer, RegExp][] = [
    [{ ...peer, identity: other.serialized }, /PKI-ID is not the identity's/],
    [{ ...peer, identity: new Uint8Array(0) }, /./],
    [{ ...peer, stateInfo: undefined }, /without stateInfo/],
    [{ ...peer, stateInfo: membershipInfo }, /without stateInfo/],
    [{ ...peer, stateInfo: changed(stateInfo!, () => {}) }, /its state is not signed/],
    [{ ...peer, stateInfo: changed(stateInfo!, () => {}, other) }, /its state is not signed/],
    [member(undefined), /without aliveMsg/],
    [member(changed(membershipInfo!, setEndpoint("evil:1"), other)), /address is not signed/],
    [member(changed(membershipInfo!, setEndpoint(""), signer)), /no address/],
    [member(changed(membershipInfo!, setEndpoint("x".repeat(600)), signer)), /no address/],
    [
      member(changed(membershipInfo!, alive((one) => void (one.timestamp = undefined)), signer)),
      /membership is empty/,
    ],
    [
      member(changed(membershipInfo!, alive((one) => void (one.membership = undefined)), signer)),
      /membership is empty/,
    ],
  ];
  for (const [peer, reason] of cases) assert.throws(() => check(peer, "Org2MSP"), reason);
  assert.throws(
    () => checkToldPeer(peer, { channelId: "other", identities, askedMspId: "Org2MSP" }),
    /state is of another channel/,
  );
});

Deno.test("any bytes in place of a peer are refused, never more", () => {
  const peer = toBinary(PeerSchema, told(selfAt({ now: () => 1_000 })));
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(peer.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1 }),
    (mutations) => {
      const bytes = peer.slice();
      for (const [at, value] of mutations) bytes[at] = value;
      let decoded: Peer;
      try {
        decoded = fromBinary(PeerSchema, bytes);
      } catch {
        return;
      }
      try {
        check(decoded);
      } catch (error) {
        assert.equal((error as Error).name, "DenimError", String(error));
      }
    },
  ));
});

Deno.test("a peer is forgotten when it shows no new sign of life, whoever repeats the old one", () => {
  let now = 1_000_000;
  const clock = { now: () => now };
  const peers = new ToldPeers(new Uint8Array(32), staleAfterMs, clock);
  const self = selfAt(clock);
  const first = check(told(self));
  peers.add(channelId, first);
  now += 20_000;
  peers.add(channelId, first);
  assert.equal(peers.channelPeers(channelId).length, 1);
  now += 6_000;
  assert.equal(peers.channelPeers(channelId).length, 0);
  peers.add(channelId, check(told(self)));
  now += 20_000;
  peers.add(channelId, check(told(self)));
  now += 20_000;
  assert.equal(peers.channelPeers(channelId).length, 1);
  assert.equal(peers.localPeers().length, 1);
  assert.equal(peers.localPeers()[0].stateInfo, undefined);
});

Deno.test("this peer itself is not taken in, nor more peers than the limit", () => {
  const clock = { now: () => 1_000 };
  const self = selfAt(clock);
  const own = new ToldPeers(self.pkiId, staleAfterMs, clock);
  const one = check(told(self));
  own.add(channelId, one);
  assert.deepEqual(own.channelPeers(channelId), []);
  const many = new ToldPeers(new Uint8Array(32), staleAfterMs, clock);
  for (let i = 0; i < maxToldPeers + 5; i++) {
    const pkiId = Uint8Array.of(i >> 8, i & 255);
    many.add(channelId, { ...one, member: { ...one.member, pkiId } });
  }
  assert.equal(many.channelPeers(channelId).length, maxToldPeers);
});
