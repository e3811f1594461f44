/** Private data from an endorser to the peers that may hold it, over a real connection and as a plan. */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import { text } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { parseCertificate } from "../crypto/certificate.ts";
import { sha256 } from "../crypto/hash.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { pkiIdOf } from "../discovery/pki-id.ts";
import type { PeerMember } from "../discovery/types.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { type Envelope, EnvelopeSchema, GossipMessageSchema } from "../gen/gossip/message_pb.ts";
import { PrivatePayloadSchema } from "../gen/gossip/message_pb.ts";
import { type TxPvtReadWriteSet, TxPvtReadWriteSetSchema } from "../gen/ledger/rwset/rwset_pb.ts";
import type { PeerLedger, QueryExecutor, TransientStore } from "../ledger/types.ts";
import type { Identity } from "../msp/types.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import { recordedSigner } from "../../tests/support/transactions.ts";
import { GossipConnection } from "./gossip-connection.ts";
import { registerGossip } from "./gossip-service.ts";
import { createPrivateDataDistributor } from "./private-data-distributor.ts";
import { privateDataEnvelope } from "./private-data-message.ts";
import { PrivateDataReceiver } from "./private-data-receiver.ts";

const ackTimeoutMs = 10_000;

/** What a transient store was given. */
class Kept implements Pick<TransientStore, "persist"> {
  readonly sets: { txId: string; height: number; set: TxPvtReadWriteSet }[] = [];
  refuses = false;

  persist(txId: string, height: number, set: TxPvtReadWriteSet): void {
    if (this.refuses) throw new DenimError("disk-full", "no space left");
    this.sets.push({ txId, height, set });
  }
}

const payload = create(PrivatePayloadSchema, {
  namespace: "asset",
  collectionName: "prices",
  txId: "tx1",
  privateRwset: new Uint8Array([1, 2, 3]),
  privateSimHeight: 7n,
});

interface Run {
  readonly kept: Kept;
  /** Asked whether the sender may read; throws where not. */
  readers: (identity: Uint8Array) => void;
  connect(expected?: Uint8Array): GossipConnection;
}

/** A peer of org1 that takes private data, and one of org2 that sends. */
async function withReceiver(test: (run: Run) => Promise<void>): Promise<void> {
  const provider = createEcdsaProvider();
  const receiver = recordedSigner("org1", "peer0", provider);
  const sender = recordedSigner("org2", "peer0", provider);
  const signers = new Map([receiver, sender].map((one) => [text(one.serialized), one]));
  const identityOf = (serialized: Uint8Array): Identity => {
    const known = signers.get(text(serialized));
    const key = known && parseCertificate(known.certificate).publicKey;
    if (!key) throw new DenimError("unknown-identity", "never heard of");
    const identity: Partial<Identity> = {
      verify: (data, signature) => provider.verify({ key, digest: sha256(data), signature }),
    };
    return identity as Identity;
  };
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  const kept = new Kept();
  const run: Run = {
    kept,
    readers: () => {},
    connect: (expectedPkiId = pkiIdOf(receiver.serialized)) => {
      const connection = new GossipConnection({
        client: createRpcClient({ address: server.address }),
        identity: { signer: sender, tlsCertificateHash: undefined },
        expectedPkiId,
        identityOf,
      });
      open.push(connection);
      return connection;
    },
  };
  const open: GossipConnection[] = [];
  registerGossip(server, {
    identity: { signer: receiver, tlsCertificateHash: undefined },
    privateData: new PrivateDataReceiver({
      ledger: (channelId) =>
        channelId === "mychannel"
          ? { transientStore: kept as Partial<TransientStore> as TransientStore }
          : undefined,
      requireReader: (_, { identity }) => run.readers(identity),
      logger: silentLogger,
    }),
    identityOf,
    logger: silentLogger,
  });
  try {
    await test(run);
  } finally {
    for (const connection of open) await connection.close();
    await server.close(0);
    receiver.close();
    sender.close();
    provider.close?.();
  }
}

Deno.test("private data is kept, and acknowledged over the stream it came on", async () => {
  await withReceiver(async ({ kept, connect }) => {
    const connection = connect();
    await Promise.all(
      [1n, 2n].map((nonce) =>
        connection.sendWithAck(
          privateDataEnvelope("mychannel", payload, nonce),
          nonce,
          ackTimeoutMs,
        )
      ),
    );
    assert.equal(kept.sets.length, 2);
    const [{ txId, height, set }] = kept.sets;
    assert.deepEqual([txId, height], ["tx1", 7]);
    const [{ namespace, collectionPvtRwset: [{ collectionName, rwset }] }] = set.nsPvtRwset;
    assert.deepEqual([namespace, collectionName, rwset], [
      "asset",
      "prices",
      payload.privateRwset,
    ]);
  });
});

Deno.test("what cannot be stored is said; what may not be sent is not kept", async () => {
  await withReceiver(async (run) => {
    const { kept, connect } = run;
    const send = (channelId: string, sent = payload) =>
      connect().sendWithAck(privateDataEnvelope(channelId, sent, 9n), 9n, 300);
    kept.refuses = true;
    await assert.rejects(send("mychannel"), { code: "not-acknowledged", message: "no space left" });
    kept.refuses = false;
    const late = { code: "deadline-exceeded" };
    await assert.rejects(send("otherchannel"), late);
    await assert.rejects(send("mychannel", create(PrivatePayloadSchema, { txId: "tx2" })), late);
    run.readers = () => {
      throw new DenimError("access-denied", "no reader");
    };
    await assert.rejects(send("mychannel"), late);
    assert.deepEqual(kept.sets, []);
  });
});

Deno.test("another peer than the one meant is not told anything", async () => {
  await withReceiver(async ({ kept, connect }) => {
    const connection = connect(new Uint8Array(32));
    await assert.rejects(
      connection.sendWithAck(privateDataEnvelope("mychannel", payload, 1n), 1n, ackTimeoutMs),
      { code: "bad-gossip-handshake" },
    );
    assert.equal(connection.closed, true);
    assert.deepEqual(kept.sets, []);
  });
});

/** A peer as discovery knows it. */
function member(mspId: string, endpoint: string, local = false): PeerMember {
  const bytes = new TextEncoder().encode(endpoint);
  return {
    mspId,
    endpoint,
    identity: bytes,
    pkiId: bytes,
    ledgerHeight: 5n,
    chaincodes: [],
    membership: create(EnvelopeSchema),
    local,
  };
}

/** An endorser whose chaincode has written into one collection. */
function endorser(
  counts: { maximumPeerCount: number; requiredPeerCount: number },
  members: readonly PeerMember[],
  unreachable: readonly string[] = [],
) {
  const collections = create(CollectionConfigPackageSchema, {
    config: [{
      payload: { case: "staticCollectionConfig", value: { name: "prices", ...counts } },
    }],
  });
  const state: Partial<QueryExecutor> = {
    getState: () => toBinary(CollectionConfigPackageSchema, collections),
    done() {},
  };
  const ledger: Partial<PeerLedger> = {
    channelId: "mychannel",
    info: () => ({
      height: 5,
      currentBlockHash: new Uint8Array(),
      previousBlockHash: new Uint8Array(),
    }),
    newQueryExecutor: () => state as QueryExecutor,
  };
  const sent: { endpoint: string; envelope: Envelope }[] = [];
  const distribute = createPrivateDataDistributor({
    membership: { channelPeers: () => members },
    isHolder: (_, __, { mspId }) => mspId !== "Org3MSP",
    send: (to, envelope) => {
      sent.push({ endpoint: to.endpoint, envelope });
      return unreachable.includes(to.endpoint)
        ? Promise.reject(new Error("unreachable"))
        : Promise.resolve();
    },
    randomNonce: () => 42n,
    random: () => 0.5,
    logger: silentLogger,
  });
  const set = create(TxPvtReadWriteSetSchema, {
    nsPvtRwset: [{
      namespace: "asset",
      collectionPvtRwset: [{ collectionName: "prices", rwset: payload.privateRwset }],
    }],
  });
  return {
    sent,
    endpoints: () => sent.map(({ endpoint }) => endpoint).toSorted(),
    distribute: async () => await distribute(ledger as PeerLedger, "tx1", set),
  };
}

const members = [
  member("Org1MSP", "self", true),
  member("Org1MSP", "a1"),
  member("Org1MSP", "a2"),
  member("Org2MSP", "b1"),
  member("Org2MSP", "b2"),
  member("Org3MSP", "c1"),
];

Deno.test("one peer of each organisation that may hold the data gets it first, then others", async () => {
  const two = endorser({ maximumPeerCount: 2, requiredPeerCount: 1 }, members);
  await two.distribute();
  assert.deepEqual(two.endpoints(), ["a1", "b1"]);
  const all = endorser({ maximumPeerCount: 9, requiredPeerCount: 4 }, members);
  await all.distribute();
  assert.deepEqual(all.endpoints(), ["a1", "a2", "b1", "b2"]);
  const none = endorser({ maximumPeerCount: 0, requiredPeerCount: 0 }, members);
  await none.distribute();
  assert.deepEqual(none.endpoints(), []);
  const { channel, nonce, content } = fromBinary(GossipMessageSchema, two.sent[0].envelope.payload);
  assert.deepEqual([text(channel), nonce], ["mychannel", 42n]);
  assert.ok(content.case === "privateData");
  const { payload: told } = content.value;
  assert.deepEqual([told?.txId, told?.privateSimHeight], ["tx1", 5n]);
  assert.equal(told?.collectionConfigs?.config.length, 1);
});

Deno.test("without enough peers that have it, nothing is endorsed", async () => {
  const refused = (plans: string) => ({
    code: "private-data-not-distributed",
    message: `Failed disseminating ${plans} private dissemination plans`,
  });
  const counts = { maximumPeerCount: 3, requiredPeerCount: 3 };
  const alone = endorser(counts, members.slice(0, 1));
  await assert.rejects(alone.distribute(), refused("1 out of 1"));
  const few = endorser(counts, members.slice(0, 3));
  await assert.rejects(few.distribute(), refused("1 out of 2"));
  const cut = endorser(counts, members, ["b1"]);
  await assert.rejects(cut.distribute(), refused("1 out of 3"));
  await endorser({ ...counts, requiredPeerCount: 0 }, members, ["a1", "a2", "b1", "b2"])
    .distribute();
});
