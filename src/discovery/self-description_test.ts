import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { createHash } from "node:crypto";
import { GossipMessage_Tag, GossipMessageSchema } from "../gen/gossip/message_pb.ts";
import type { Envelope } from "../gen/gossip/message_pb.ts";
import { decodeSerializedIdentity } from "../msp/serialized-identity.ts";
import { aliveIntervalMs, type ChannelState, SelfDescription } from "./self-description.ts";
import { channelId, peerSigner, recordedBundle } from "./testing-peers.ts";

const signer = peerSigner("peer0.org1");

function describedAt(now: () => number) {
  const state: { of?: ChannelState } = { of: { ledgerHeight: 3n, chaincodes: [] } };
  const self = new SelfDescription({
    signer,
    externalEndpoint: "peer0.org1.example.com:7051",
    stateOf: (channel) => channel === channelId ? state.of : undefined,
    clock: { now },
  });
  return { self, state };
}

function opened({ payload, signature }: Envelope) {
  const identity = recordedBundle.mspManager.deserializeIdentity(signer.serialized);
  assert.ok(identity.verify(payload, signature));
  return fromBinary(GossipMessageSchema, payload);
}

Deno.test("the alive message is signed, and made again after a while", () => {
  let now = 1_700_000_000_000;
  const { self } = describedAt(() => now);
  const first = self.member().membership;
  const message = opened(first);
  assert.equal(message.tag, GossipMessage_Tag.EMPTY);
  assert.equal(message.content.case, "aliveMsg");
  const { membership, timestamp } = message.content.value;
  assert.equal(membership!.endpoint, "peer0.org1.example.com:7051");
  assert.deepEqual(membership!.pkiId, self.pkiId);
  assert.equal(timestamp!.incNum, 1_700_000_000_000_000_000n);
  now += aliveIntervalMs - 1;
  assert.equal(self.member().membership, first);
  now += 1;
  const second = opened(self.member().membership);
  assert.equal(second.content.case, "aliveMsg");
  assert.equal(second.content.value.timestamp!.seqNum, timestamp!.seqNum + 1n);
});

Deno.test("the PKI-ID is the hash of MSP id and certificate", () => {
  const { mspid, idBytes } = decodeSerializedIdentity(signer.serialized);
  const expected = createHash("sha256").update(mspid).update(idBytes).digest();
  assert.deepEqual([...describedAt(() => 1).self.pkiId], [...expected]);
});

Deno.test("StateInfo is signed when there is news, and each looks later than the one before", () => {
  const { self, state } = describedAt(() => 1_000);
  assert.equal(self.memberIn("other"), undefined);
  const content = (envelope: Envelope) => {
    const { content, tag } = opened(envelope);
    assert.equal(tag, GossipMessage_Tag.CHAN_OR_ORG);
    assert.equal(content.case, "stateInfo");
    return content.value;
  };
  const first = self.memberIn(channelId)!;
  assert.equal(self.memberIn(channelId)!.stateInfo, first.stateInfo);
  state.of = { ledgerHeight: 3n, chaincodes: [{ name: "cc", version: "2" }] };
  const second = self.memberIn(channelId)!;
  assert.deepEqual(second.chaincodes, state.of.chaincodes);
  const [before, after] = [content(first.stateInfo!), content(second.stateInfo!)];
  assert.ok(after.timestamp!.seqNum > before.timestamp!.seqNum);
  assert.equal(after.properties!.ledgerHeight, 3n);
  assert.deepEqual(
    after.properties!.chaincodes.map(({ name, version }) => [name, version]),
    [["cc", "2"]],
  );
  const mac = createHash("sha256").update(self.pkiId).update(channelId).digest();
  assert.deepEqual([...after.channelMAC], [...mac]);
  state.of = undefined;
  assert.equal(self.memberIn(channelId), undefined);
});
