import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { equal, utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import type { ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import { createRpcClient } from "./client.ts";
import { createRpcServer } from "./server.ts";
import { GrpcStatus } from "./status.ts";
import { createTestAuthority } from "./testing-certs.ts";
import { grpc, grpcJsClient, grpcJsServer, grpcJsUnary } from "./testing-grpc-js.ts";
import { type Observed, registerTestServices } from "./testing-services.ts";
import type { ClientTls, RpcServer, ServerTls } from "./types.ts";

const authority = await createTestAuthority("ca.example.com");
const stranger = await createTestAuthority("stranger");
const serverCertificate = await authority.issue("peer0");
const clientCertificate = await authority.issue("client");
const strangeCertificate = await stranger.issue("strange");
const request = create(SignedProposalSchema, { proposalBytes: utf8("x") });
const roots = [authority.root];

async function withServer(
  tls: Partial<ServerTls>,
  run: (address: string, observed: Observed, server: RpcServer) => Promise<void>,
): Promise<void> {
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    logger: silentLogger,
    tls: { ...serverCertificate, ...tls },
  });
  const observed = registerTestServices(server);
  try {
    await run(server.address, observed, server);
  } finally {
    await server.close(50);
  }
}

async function call(address: string, tls: ClientTls | undefined): Promise<ProposalResponse> {
  const client = createRpcClient({ address, tls });
  try {
    return await client.unary(Endorser.method.processProposal, request, { timeoutMs: 5000 });
  } finally {
    await client.close();
  }
}

const der = (pem: string) => new Uint8Array(new X509Certificate(pem).raw);

Deno.test("TLS: a call, by address and by name", async () => {
  await withServer({}, async (address, observed) => {
    assert.equal((await call(address, { rootCertificates: roots })).version, 1);
    const byName = address.replace("127.0.0.1", "localhost");
    assert.equal((await call(byName, { rootCertificates: roots })).version, 1);
    assert.equal(observed.contexts[0].clientCertificate, undefined);
    assert.match(observed.contexts[0].remoteAddress, /^127\.0\.0\.1:\d+$/);
  });
});

Deno.test("TLS: an unknown authority is named as the reason", async () => {
  await withServer({}, async (address) => {
    await assert.rejects(call(address, { rootCertificates: [stranger.root] }), {
      status: GrpcStatus.UNAVAILABLE,
      message: /TLS verification failed: the server's certificate was issued by an authority/,
    });
  });
});

Deno.test("TLS: a certificate for another name is refused, unless overridden", async () => {
  const other = await authority.issue("orderer", ["orderer.example.com"]);
  await withServer(other, async (address) => {
    await assert.rejects(call(address, { rootCertificates: roots }), {
      status: GrpcStatus.UNAVAILABLE,
      message: /TLS verification failed: .*altnames/,
    });
    const overridden = { rootCertificates: roots, serverNameOverride: "orderer.example.com" };
    assert.equal((await call(address, overridden)).version, 1);
  });
});

Deno.test("TLS: an expired certificate is refused", async () => {
  const expired = await authority.issue("old", ["127.0.0.1"], {
    notBefore: new Date(Date.now() - 20_000),
    notAfter: new Date(Date.now() - 10_000),
  });
  await withServer(expired, async (address) => {
    await assert.rejects(call(address, { rootCertificates: roots }), {
      status: GrpcStatus.UNAVAILABLE,
      message: /expired/,
    });
  });
});

Deno.test("TLS: plain text to a TLS port and TLS to a plain port are UNAVAILABLE", async () => {
  await withServer({}, async (address) => {
    await assert.rejects(call(address, undefined), {
      status: GrpcStatus.UNAVAILABLE,
      hint: /does it expect TLS/,
    });
  });
  const plain = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  await assert.rejects(call(plain.address, { rootCertificates: roots }), {
    status: GrpcStatus.UNAVAILABLE,
  });
  await plain.close(50);
});

Deno.test("mutual TLS: the client's certificate reaches the handler", async () => {
  await withServer({ clientRootCertificates: roots }, async (address, observed) => {
    await call(address, { rootCertificates: roots, ...clientCertificate });
    const seen = observed.contexts[0].clientCertificate;
    assert.ok(seen && equal(seen, der(clientCertificate.certificate)));
  });
});

Deno.test("mutual TLS: no certificate, or a stranger's, is refused with the reason", async () => {
  await withServer({ clientRootCertificates: roots }, async (address, observed) => {
    await assert.rejects(call(address, { rootCertificates: roots }), {
      status: GrpcStatus.UNAVAILABLE,
      message: /the server requires a TLS client certificate/,
    });
    await assert.rejects(call(address, { rootCertificates: roots, ...strangeCertificate }), {
      status: GrpcStatus.UNAVAILABLE,
    });
    assert.equal(observed.contexts.length, 0);
  });
});

Deno.test("mutual TLS: whose certificates are accepted can change while the server runs", async () => {
  await withServer({ clientRootCertificates: roots }, async (address, observed, server) => {
    const open = createRpcClient({
      address,
      tls: { rootCertificates: roots, ...clientCertificate },
    });
    try {
      await open.unary(Endorser.method.processProposal, request, { timeoutMs: 5000 });
      server.trustClients([stranger.root]);
      await call(address, { rootCertificates: roots, ...strangeCertificate });
      const seen = observed.contexts[1].clientCertificate;
      assert.ok(seen && equal(seen, der(strangeCertificate.certificate)));
      const refused = { status: GrpcStatus.UNAVAILABLE };
      await assert.rejects(
        call(address, { rootCertificates: roots, ...clientCertificate }),
        refused,
      );
      await assert.rejects(call(address, { rootCertificates: roots }), refused);
      await open.unary(Endorser.method.processProposal, request, { timeoutMs: 5000 });
    } finally {
      await open.close();
    }
  });
  await withServer({}, async (address, _, server) => {
    server.trustClients([stranger.root]);
    await call(address, { rootCertificates: roots });
  });
});

Deno.test("TLS with requested client certificates: with and without one", async () => {
  await withServer({ requestClientCertificate: true }, async (address, observed) => {
    await call(address, { rootCertificates: roots });
    await call(address, { rootCertificates: roots, ...strangeCertificate });
    assert.equal(observed.contexts[0].clientCertificate, undefined);
    const seen = observed.contexts[1].clientCertificate;
    assert.ok(seen && equal(seen, der(strangeCertificate.certificate)));
  });
});

Deno.test("TLS material that is not PEM is refused", async () => {
  const tls = { certificate: "x", key: "y" };
  await assert.rejects(createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger, tls }), {
    code: "bad-tls-material",
  });
  await assert.rejects(call("127.0.0.1:1", { rootCertificates: ["x"] }), {
    code: "bad-tls-material",
  });
});

Deno.test("grpc-js client: TLS and mutual TLS", async () => {
  await withServer({ clientRootCertificates: roots }, async (numeric) => {
    const address = numeric.replace("127.0.0.1", "localhost"); // grpc-js under Deno wants a name
    const unary = async (key?: string, certificate?: string) => {
      const client = grpcJsClient(
        address,
        grpc.credentials.createSsl(
          Buffer.from(authority.root),
          key ? Buffer.from(key) : null,
          certificate ? Buffer.from(certificate) : null,
        ),
      );
      try {
        return await grpcJsUnary<ProposalResponse>(client, Endorser, "processProposal", request, {
          deadline: Date.now() + 5000,
        });
      } finally {
        client.close();
      }
    };
    const good = await unary(clientCertificate.key, clientCertificate.certificate);
    assert.equal(good.version, 1);
    await assert.rejects(unary(), { code: grpc.status.UNAVAILABLE });
  });
});

Deno.test("grpc-js server: mutual TLS", async () => {
  const { address, server } = await grpcJsServer(
    Endorser,
    {
      processProposal: (_: unknown, answer: grpc.sendUnaryData<unknown>) =>
        answer(null, { version: 1 }),
    },
    grpc.ServerCredentials.createSsl(Buffer.from(authority.root), [{
      private_key: Buffer.from(serverCertificate.key),
      cert_chain: Buffer.from(serverCertificate.certificate),
    }], true),
  );
  try {
    await assert.rejects(call(address, { rootCertificates: roots }), {
      status: GrpcStatus.UNAVAILABLE,
      message: /requires a TLS client certificate/,
    });
  } finally {
    server.forceShutdown();
  }
});
