import assert from "node:assert/strict";
import { connect, createServer, type TLSSocket } from "node:tls";
import { createCertificateAuthority, type TlsKeyPair } from "./certificate-authority.ts";
import { parseCertificate } from "./certificate.ts";

const now = Date.UTC(2026, 10, 22);
const dayMs = 86_400_000;

Deno.test("certificates live as long as the chaincode authority of Fabric gives them", async () => {
  const ca = await createCertificateAuthority({ clock: { now: () => now } });
  const authority = parseCertificate(ca.certificateDer);
  assert.equal(authority.notBefore, now - dayMs);
  assert.equal(authority.notAfter, now + 3650 * dayMs);
  assert.ok(authority.isCa);
  const client = parseCertificate((await ca.newClientKeyPair()).certDer);
  assert.equal(client.notBefore, now - dayMs);
  assert.equal(client.notAfter, now + dayMs);
  assert.deepEqual(client.extendedKeyUsages, ["1.3.6.1.5.5.7.3.2"]);
  const server = parseCertificate((await ca.newServerKeyPair(["localhost"])).certDer);
  assert.equal(server.notAfter, now + 3650 * dayMs);
  assert.deepEqual(client.rawIssuer, authority.rawSubject);
  assert.deepEqual(client.authorityKeyId, authority.subjectKeyId);
});

Deno.test("every certificate has its own key and serial", async () => {
  const ca = await createCertificateAuthority();
  const [a, b] = [await ca.newClientKeyPair(), await ca.newClientKeyPair()];
  assert.notEqual(a.keyPem, b.keyPem);
  assert.notEqual(parseCertificate(a.certDer).serialHex, parseCertificate(b.certDer).serialHex);
});

/** What a mutual TLS server says about a client: `welcome` or how it failed. */
async function greet(
  server: TlsKeyPair,
  authority: string,
  client: TlsKeyPair | undefined,
  servername = "localhost",
): Promise<string> {
  const listener = createServer({
    cert: server.certPem,
    key: server.keyPem,
    ca: authority,
    requestCert: true,
    rejectUnauthorized: true,
  }, (socket: TLSSocket) => socket.end("welcome"));
  listener.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  assert.ok(address && typeof address === "object");
  try {
    return await new Promise<string>((resolve) => {
      const socket = connect({
        host: "127.0.0.1",
        port: address.port,
        servername,
        ca: authority,
        cert: client?.certPem,
        key: client?.keyPem,
      });
      socket.setEncoding("utf8");
      socket.once("data", (data: string) => {
        resolve(data);
        socket.destroy();
      });
      socket.once("error", () => resolve("refused"));
      socket.once("close", () => resolve("refused"));
    });
  } finally {
    await new Promise((resolve) => listener.close(resolve));
  }
}

Deno.test("mutual TLS holds between the authority's certificates and nobody else's", async () => {
  const ca = await createCertificateAuthority();
  const other = await createCertificateAuthority();
  const server = await ca.newServerKeyPair(["localhost", "127.0.0.1", "::1"]);
  assert.equal(await greet(server, ca.certificatePem, await ca.newClientKeyPair()), "welcome");
  assert.equal(await greet(server, ca.certificatePem, await other.newClientKeyPair()), "refused");
  assert.equal(await greet(server, ca.certificatePem, undefined), "refused");
});
