import assert from "node:assert/strict";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { withDeadline } from "../base/async.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { parseCertificate } from "../crypto/certificate.ts";
import { sha256 } from "../crypto/hash.ts";
import { pkiIdOf } from "../discovery/pki-id.ts";
import {
  EmptySchema,
  type Envelope,
  EnvelopeSchema,
  Gossip,
  GossipMessage_Tag,
  GossipMessageSchema,
} from "../gen/gossip/message_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { RpcClient } from "../rpc/types.ts";
import { recordedSigner } from "../../tests/support/transactions.ts";
import { connEstablish } from "./conn-establish.ts";
import { type GossipServiceOptions, registerGossip } from "./gossip-service.ts";

const serverCertificateHash = sha256(new Uint8Array([1, 2, 3]));

interface Run {
  readonly client: RpcClient;
  readonly provider: ReturnType<typeof createEcdsaProvider>;
  readonly peer: ReturnType<typeof recordedSigner>;
  readonly caller: Envelope;
  readonly infos: string[];
}

async function withService(
  options: Partial<GossipServiceOptions>,
  test: (run: Run) => Promise<void>,
): Promise<void> {
  const provider = createEcdsaProvider();
  const peer = recordedSigner("org1", "peer0", provider);
  const other = recordedSigner("org2", "peer0", provider);
  const infos: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (message, facts) => infos.push(`${message} ${facts?.claimedMsp}`),
    named: () => logger,
  };
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger });
  const identity = { signer: peer, tlsCertificateHash: serverCertificateHash };
  registerGossip(server, { identity, logger, ...options });
  const client = createRpcClient({ address: server.address });
  const caller = connEstablish({ signer: other, tlsCertificateHash: undefined });
  try {
    await test({ client, provider, peer, caller, infos });
  } finally {
    await client.close();
    await server.close(0);
    peer.close();
    other.close();
    provider.close?.();
  }
}

type Content = MessageInitShape<typeof GossipMessageSchema>["content"];

const envelope = (content: Content, nonce = 0n) => {
  const message = create(GossipMessageSchema, { nonce, tag: GossipMessage_Tag.EMPTY, content });
  return create(EnvelopeSchema, { payload: toBinary(GossipMessageSchema, message) });
};

/** A stream with its answers one by one, each within a deadline. */
function openStream(client: RpcClient) {
  const stream = client.stream(Gossip.method.gossipStream);
  const answers = stream.responses[Symbol.asyncIterator]();
  return {
    stream,
    async answer(): Promise<Envelope> {
      const next = await withDeadline(answers.next(), 10_000, "an answer");
      assert.ok(!next.done, "the stream ended");
      return next.value;
    },
    ended: () => withDeadline(answers.next(), 10_000, "the end"),
  };
}

const refusedWith = (status: GrpcStatus, message: RegExp) => (error: unknown) =>
  error instanceof RpcError && error.status === status && message.test(error.message);

Deno.test("a peer that knocks is told who is here, signed, and bound to the TLS certificate it sees", async () => {
  await withService({}, async ({ client, provider, peer, caller }) => {
    await client.unary(Gossip.method.ping, create(EmptySchema));
    const { stream, answer } = openStream(client);
    await stream.send(caller);
    const { payload, signature } = await answer();
    const { tag, content } = fromBinary(GossipMessageSchema, payload);
    assert.equal(tag, GossipMessage_Tag.EMPTY);
    assert.ok(content.case === "conn");
    assert.deepEqual(content.value.identity, peer.serialized);
    assert.deepEqual(content.value.pkiId, pkiIdOf(peer.serialized));
    assert.deepEqual(content.value.tlsCertHash, serverCertificateHash);
    const key = parseCertificate(peer.certificate).publicKey;
    assert.ok(key && provider.verify({ key, digest: sha256(payload), signature }));
    stream.cancel();
  });
});

Deno.test("a membership request is answered with its nonce and no member; what else is said is not", async () => {
  await withService({}, async ({ client, caller }) => {
    const { stream, answer } = openStream(client);
    await stream.send(caller);
    await answer();
    await stream.send(envelope({ case: "aliveMsg", value: {} }, 1n));
    await stream.send(create(EnvelopeSchema, { payload: new Uint8Array([255, 255]) }));
    await stream.send(envelope({ case: "stateInfoPullReq", value: {} }, 2n));
    await stream.send(envelope({ case: "memReq", value: {} }, 3n));
    const { nonce, content } = fromBinary(GossipMessageSchema, (await answer()).payload);
    assert.equal(nonce, 3n);
    assert.ok(content.case === "memRes");
    assert.deepEqual([content.value.alive, content.value.dead], [[], []]);
    stream.cancel();
  });
});

Deno.test("whoever does not introduce himself, or says something else first, is not served", async () => {
  await withService({ handshakeTimeoutMs: 50 }, async ({ client }) => {
    const silent = openStream(client);
    await assert.rejects(
      silent.ended(),
      refusedWith(GrpcStatus.DEADLINE_EXCEEDED, /connection message/),
    );
    for (const first of [envelope({ case: "memReq", value: {} }), create(EnvelopeSchema)]) {
      const rude = openStream(client);
      await rude.stream.send(first);
      await assert.rejects(rude.ended(), refusedWith(GrpcStatus.UNKNOWN, /Wrong type/));
    }
    const gone = openStream(client);
    gone.stream.closeSend();
    assert.equal((await gone.ended()).done, true);
  });
});

Deno.test("open streams are limited, and a stream that ends makes room", async () => {
  await withService({ maxStreams: 2 }, async ({ client, caller }) => {
    const open = async () => {
      const opened = openStream(client);
      await opened.stream.send(caller);
      await opened.answer();
      return opened;
    };
    const [first] = [await open(), await open()];
    const third = openStream(client);
    await third.stream.send(caller);
    await assert.rejects(
      third.ended(),
      refusedWith(GrpcStatus.RESOURCE_EXHAUSTED, /too many gossip streams/),
    );
    first.stream.closeSend();
    assert.equal((await first.ended()).done, true);
    await open();
  });
});

Deno.test("a caller is logged once, however often it comes", async () => {
  await withService({}, async ({ client, caller, infos }) => {
    for (let i = 0; i < 5; i++) {
      const { stream, answer, ended } = openStream(client);
      await stream.send(caller);
      await answer();
      stream.closeSend();
      await ended();
    }
    assert.equal(infos.length, 1);
    assert.match(infos[0], /no member.*Org2MSP$/);
  });
});
