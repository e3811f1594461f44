import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import { text, utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import type { PeerMember } from "../discovery/types.ts";
import {
  EnvelopeSchema,
  type GossipMessage,
  GossipMessageSchema,
  type PvtDataDigest,
  PvtDataDigestSchema,
} from "../gen/gossip/message_pb.ts";
import { type TxPvtReadWriteSet, TxPvtReadWriteSetSchema } from "../gen/ledger/rwset/rwset_pb.ts";
import type { TransientStore } from "../ledger/types.ts";
import type { RemotePeer } from "./handshake.ts";
import { maxDigests, privateDataRequest } from "./private-data-exchange.ts";
import { type PrivateDataName, pullPrivateData } from "./private-data-puller.ts";
import { PrivateDataSource } from "./private-data-source.ts";

const height = 10;
const name = (blockNumber: number, txNumber = 0, collection = "prices"): PrivateDataName => ({
  blockNumber,
  txNumber,
  txId: `tx${blockNumber}.${txNumber}`,
  namespace: "asset",
  collection,
});

function writes(...collections: readonly [string, string][]): TxPvtReadWriteSet {
  return create(TxPvtReadWriteSetSchema, {
    nsPvtRwset: collections.map(([collectionName, value]) => ({
      namespace: "asset",
      collectionPvtRwset: [{ collectionName, rwset: utf8(value) }],
    })),
  });
}

const asking = (who: string): RemotePeer => ({
  pkiId: utf8(who),
  identity: utf8(who),
  signed: { data: utf8(who), identity: utf8(who), signature: utf8(who) },
});

function digestOf({ blockNumber, txNumber, ...rest }: PrivateDataName): PvtDataDigest {
  return create(PvtDataDigestSchema, {
    ...rest,
    blockSeq: BigInt(blockNumber),
    seqInBlock: BigInt(txNumber),
  });
}

function request(...names: readonly PrivateDataName[]): GossipMessage {
  const envelope = privateDataRequest("mychannel", names.map(digestOf), 5n);
  return fromBinary(GossipMessageSchema, envelope.payload);
}

/** A peer that has committed tx 0 of block 3, and endorsed the first of block 12. */
function source(): PrivateDataSource {
  const transientStore: Partial<TransientStore> = {
    get: (txId) => txId === "tx12.0" ? [writes(["prices", "one"]), writes(["prices", "two"])] : [],
  };
  return new PrivateDataSource({
    ledger: (channelId) =>
      channelId !== "mychannel" ? undefined : {
        info: () => ({
          height,
          currentBlockHash: new Uint8Array(),
          previousBlockHash: new Uint8Array(),
        }),
        privateDataOfBlock: (block) =>
          new Map(block === 3 ? [[0, writes(["prices", "committed"], ["secret", "hidden"])]] : []),
        transientStore: transientStore as TransientStore,
      },
    isHolder: (_, __, collection, peer) => collection === "prices" && text(peer) === "member",
    logger: silentLogger,
  });
}

function given(message: GossipMessage, who: () => RemotePeer): string[] | undefined {
  const answer = source().answer(message, who);
  if (answer === undefined) return undefined;
  const { content, nonce, channel } = fromBinary(GossipMessageSchema, answer.payload);
  assert.deepEqual([nonce, text(channel)], [5n, "mychannel"]);
  assert.ok(content.case === "privateRes");
  return content.value.elements.flatMap(({ payload }) => payload.map((bytes) => text(bytes)));
}

Deno.test("members of a collection get what was committed, and before that what was endorsed", () => {
  const member = () => asking("member");
  assert.deepEqual(given(request(name(3), name(12)), member), ["committed", "one", "two"]);
  assert.deepEqual(given(request(name(4), name(3, 1), name(3, 0, "other")), member), []);
});

Deno.test("who is no member, or does not prove who he is, gets nothing", () => {
  assert.deepEqual(given(request(name(3)), () => asking("stranger")), []);
  assert.deepEqual(given(request(name(3, 0, "secret")), () => asking("member")), []);
  const unproved = () => {
    throw new DenimError("bad-gossip-handshake", "no");
  };
  assert.equal(given(request(name(3)), unproved), undefined);
  const elsewhere = privateDataRequest("otherchannel", [digestOf(name(3))], 5n);
  assert.equal(given(fromBinary(GossipMessageSchema, elsewhere.payload), unproved), undefined);
});

const peer = (endpoint: string, local = false): PeerMember => ({
  mspId: "Org1MSP",
  endpoint,
  identity: utf8(endpoint),
  pkiId: utf8(endpoint),
  ledgerHeight: 5n,
  chaincodes: [],
  membership: create(EnvelopeSchema),
  local,
});

/** Pulls from peers that have the named blocks. */
async function pull(
  has: Readonly<Record<string, readonly number[] | "silent">>,
  wanted: readonly PrivateDataName[],
) {
  const asked: [string, number][] = [];
  const found = await pullPrivateData(
    {
      membership: {
        channelPeers: () => [peer("self", true), ...Object.keys(has).map((key) => peer(key))],
      },
      isHolder: (_, __, ___, identity) => text(identity) !== "stranger",
      ask: (member, _, digests) => {
        asked.push([member.endpoint, digests.length]);
        const blocks = has[member.endpoint];
        if (blocks === "silent") return Promise.reject(new Error("no answer"));
        return Promise.resolve(
          digests.filter(({ blockSeq }) => blocks.includes(Number(blockSeq)))
            .map((digest) => ({
              $typeName: "gossip.PvtDataElement" as const,
              digest,
              payload: [utf8(member.endpoint)],
            })),
        );
      },
      random: () => 0.5,
      logger: silentLogger,
    },
    "mychannel",
    wanted,
    { totalMs: 10_000, perPeerMs: 1_000 },
  );
  return {
    asked,
    found: found.map(({ blockNumber, rwsets }) => [blockNumber, ...rwsets.map(text)]),
  };
}

Deno.test("one peer after the other is asked for what is still lacking", async () => {
  const { asked, found } = await pull(
    { dead: "silent", stranger: [1], a: [1], b: [1, 2], c: [1, 2, 3] },
    [name(1), name(2)],
  );
  assert.deepEqual(asked, [["dead", 2], ["a", 2], ["b", 1]]);
  assert.deepEqual(found, [[1, "a"], [2, "b"]]);
});

Deno.test("a request names no more than a limited number; without peers nothing is found", async () => {
  const many = Array.from({ length: maxDigests + 5 }, (_, block) => name(block));
  const { asked } = await pull({ a: [], b: [] }, many);
  assert.deepEqual(asked, [["a", maxDigests], ["b", maxDigests]]);
  assert.deepEqual(await pull({}, [name(1)]), { asked: [], found: [] });
});
