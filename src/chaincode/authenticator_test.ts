import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { Deferred } from "../base/async.ts";
import { createCertificateAuthority } from "../crypto/certificate-authority.ts";
import { ChaincodeIDSchema } from "../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
  ChaincodeMessageSchema,
  ChaincodeSupport,
} from "../gen/peer/chaincode_shim_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import type { ChaincodeTls } from "../runtime/types.ts";
import { Authenticator, certificateLifetimeMs } from "./authenticator.ts";
import { startTlsPeer, type TlsPeer } from "./testing/tls-peer.ts";
import { ok } from "./testing/mini-shim.ts";
import { input } from "./testing/peer-fixture.ts";

function registration(name: string, type = Type.REGISTER): ChaincodeMessage {
  const payload = toBinary(ChaincodeIDSchema, create(ChaincodeIDSchema, { name }));
  return create(ChaincodeMessageSchema, { type, payload });
}

/** Opens a stream with this certificate, sends one message, gives the types received and the error. */
async function firstMessage(
  { address, ca }: TlsPeer,
  tls: { clientKey: string; clientCertificate: string },
  message: ChaincodeMessage,
): Promise<{ types: Type[]; error: string }> {
  const client = createRpcClient({
    address,
    tls: {
      rootCertificates: [ca.certificatePem],
      certificate: tls.clientCertificate,
      key: tls.clientKey,
    },
  });
  const stream = client.stream(ChaincodeSupport.method.register);
  const types: Type[] = [];
  try {
    await stream.send(message);
    for await (const answer of stream.responses) {
      types.push(answer.type);
      if (answer.type === Type.READY) stream.closeSend();
    }
    return { types, error: "" };
  } catch (error) {
    return { types, error: error instanceof Error ? error.message : String(error) };
  } finally {
    client.close();
  }
}

Deno.test("over TLS only the certificate issued for a name may register it", async () => {
  const tls = await startTlsPeer();
  const issued = new Deferred<ChaincodeTls>();
  const { peer } = tls;
  try {
    peer.deploy("mycc", "1.0", { hangs: true });
    const start = peer.runtime.start.bind(peer.runtime);
    peer.runtime.start = (request, observer) => {
      if (request.tls !== undefined) issued.resolve(request.tls);
      return start(request, observer);
    };
    const launched = peer.host.launch("mycc", "1.0");
    const own = await issued.promise;
    assert.equal(own.rootCertificate, tls.ca.certificatePem);

    const foreign = await tls.ca.newClientKeyPair();
    const foreignTls = { clientKey: foreign.keyPem, clientCertificate: foreign.certPem };
    const cases: [ChaincodeTlsLike, ChaincodeMessage, RegExp][] = [
      [
        foreignTls,
        registration("mycc:1.0"),
        /^Chaincode mycc:1\.0 with given certificate hash \[\d+( \d+){31}\] not found in registry$/,
      ],
      [
        own,
        registration("othercc:1.0"),
        /^Chaincode othercc:1\.0 with given certificate hash .* belongs to a different chaincode$/,
      ],
      [own, registration("mycc:1.0", Type.GET_STATE), /^First message needs to be a register$/],
    ];
    for (const [certificate, message, expected] of cases) {
      const { types, error } = await firstMessage(tls, certificate, message);
      assert.deepEqual(types, []);
      assert.match(error, expected);
    }
    const { types, error } = await firstMessage(tls, own, registration("mycc:1.0"));
    assert.deepEqual(types, [Type.REGISTERED, Type.READY]);
    assert.equal(error, "");
    await launched;
  } finally {
    await tls.close();
  }
});

type ChaincodeTlsLike = { clientKey: string; clientCertificate: string };

Deno.test("a launched chaincode executes over nothing but its own stream", async () => {
  const tls = await startTlsPeer();
  try {
    // The fixture's in-process shim has no certificate: refused, and the launch says why it ended.
    tls.peer.deploy("mycc", "1.0", { chaincode: () => ok() });
    await assert.rejects(
      tls.peer.host.execute(tls.peer.params(), "mycc", "1.0", input()),
      /chaincode registration failed: container exited with 1/,
    );
  } finally {
    await tls.close();
  }
});

Deno.test("certificates end: revoked, or too old", async () => {
  let now = 1_000;
  const ca = await createCertificateAuthority();
  const der: Uint8Array[] = [];
  const authenticator = new Authenticator({
    certificatePem: ca.certificatePem,
    newClientKeyPair: async () => {
      const pair = await ca.newClientKeyPair();
      der.push(pair.certDer);
      return pair;
    },
  }, { now: () => now });
  const message = registration("mycc:1");
  assert.throws(
    () => authenticator.authenticate(message, undefined),
    /^DenimError: TLS is active but chaincode mycc:1 didn't send certificate$/,
  );
  await authenticator.issue("mycc:1");
  await authenticator.issue("mycc:1");
  authenticator.authenticate(message, der[0]);
  authenticator.authenticate(message, der[1]);
  authenticator.revoke("mycc:1");
  assert.throws(() => authenticator.authenticate(message, der[0]), /not found in registry/);

  await authenticator.issue("mycc:1");
  now += certificateLifetimeMs - 1;
  authenticator.authenticate(message, der[2]);
  now += 1;
  assert.throws(() => authenticator.authenticate(message, der[2]), /not found in registry/);
});
