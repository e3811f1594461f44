import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, createServer } from "node:tls";
import { parseCertificate } from "../../crypto/certificate.ts";
import { decodePem } from "../../crypto/pem.ts";
import { createEcdsaProvider } from "../../crypto/provider.ts";
import { createMsp } from "../../msp/create-msp.ts";
import { loadMspConfig } from "../../msp/load-msp-config.ts";
import { loadSigningIdentity } from "../../msp/signing-identity.ts";
import { Role, rolePrincipal } from "../../policy/envelopes.ts";
import { generateOrganization } from "./organization-keys.ts";
import { writeOrganization } from "./write-organization.ts";

const provider = createEcdsaProvider();
const golden = fileURLToPath(
  new URL("../../../tests/testdata/golden/crypto-config/", import.meta.url),
);

async function inTemporaryFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "denim-keys-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .map((path) => path.replace(/[0-9a-f]{64}_sk$/, "KEY_sk"))
    .sort();
}

Deno.test("a peer organisation has the files cryptogen writes", async () => {
  await inTemporaryFolder((folder) => {
    const keys = generateOrganization({
      domain: "org1.example.com",
      mspId: "Org1MSP",
      nodes: ["peer0", "peer1"],
    });
    const written = writeOrganization(folder, keys);
    assert.deepEqual(
      filesBelow(written),
      filesBelow(join(golden, "peerOrganizations/org1.example.com")),
    );
    const config = "msp/config.yaml";
    assert.equal(
      readFileSync(join(written, config), "utf8").trim(),
      readFileSync(join(golden, "peerOrganizations/org1.example.com", config), "utf8").trim(),
    );
  });
});

Deno.test("an orderer organisation has the files cryptogen writes", async () => {
  await inTemporaryFolder((folder) => {
    const keys = generateOrganization({
      domain: "example.com",
      mspId: "OrdererMSP",
      kind: "orderer",
    });
    assert.deepEqual(
      filesBelow(writeOrganization(folder, keys)),
      filesBelow(join(golden, "ordererOrganizations/example.com")),
    );
  });
});

Deno.test("generated certificates carry what cryptogen's carry", () => {
  const keys = generateOrganization({ domain: "org1.example.com", mspId: "Org1MSP" });
  const names = [
    "ca/ca.org1.example.com-cert.pem",
    "tlsca/tlsca.org1.example.com-cert.pem",
    "users/Admin@org1.example.com/msp/signcerts/Admin@org1.example.com-cert.pem",
    "peers/peer0.org1.example.com/msp/signcerts/peer0.org1.example.com-cert.pem",
    "users/User1@org1.example.com/tls/client.crt",
  ];
  for (const name of names) {
    const file = keys.files.find(({ path }) => path === name) ?? assert.fail(name);
    const ours = parseCertificate(decodePem(file.content)?.bytes ?? assert.fail());
    const real = parseCertificate(
      decodePem(readFileSync(join(golden, "peerOrganizations/org1.example.com", name)))?.bytes ??
        assert.fail(),
    );
    assert.deepEqual(ours.rawSubject, real.rawSubject, name);
    assert.deepEqual(ours.rawIssuer, real.rawIssuer, name);
    assert.equal(ours.isCa, real.isCa, name);
    assert.deepEqual(ours.keyUsage, real.keyUsage, name);
    assert.deepEqual(ours.extendedKeyUsages, real.extendedKeyUsages, name);
    const shape = (one: typeof ours) => one.extensions.map(({ oid, critical }) => [oid, critical]);
    assert.deepEqual(shape(ours), shape(real), name);
  }
});

Deno.test("generated members are valid in their MSP and have their roles", async () => {
  await inTemporaryFolder(async (folder) => {
    const keys = generateOrganization({ domain: "org9.example.com", mspId: "Org9MSP" });
    const root = writeOrganization(folder, keys);
    const msp = createMsp(await loadMspConfig(join(root, "msp"), "Org9MSP"), { provider });
    const check = (path: string, role: Role, expected: boolean) => {
      const signer = loadSigningIdentity(join(root, path, "msp"), "Org9MSP", provider);
      const message = new TextEncoder().encode("signed");
      const identity = msp.deserializeIdentity(signer.serialized);
      identity.validate();
      assert.ok(identity.verify(message, signer.sign(message)));
      const satisfies = () => identity.satisfiesPrincipal(rolePrincipal("Org9MSP", role));
      if (expected) satisfies();
      else assert.throws(satisfies);
      signer.close();
    };
    const admin = "users/Admin@org9.example.com";
    const peer = "peers/peer0.org9.example.com";
    check(admin, Role.ADMIN, true);
    check(admin, Role.CLIENT, true);
    check(admin, Role.PEER, false);
    check("users/User1@org9.example.com", Role.ADMIN, false);
    check(peer, Role.PEER, true);
    check(peer, Role.CLIENT, false);
    // The node's own MSP is set up with its signing certificate as well.
    createMsp(await loadMspConfig(join(root, peer, "msp"), "Org9MSP", { signing: true }), {
      provider,
      version: "v1_0",
    });
  });
});

Deno.test("a node's TLS certificate serves localhost and both loopback addresses", async () => {
  const keys = generateOrganization({ domain: "org1.example.com", mspId: "Org1MSP" });
  const read = (path: string) =>
    new TextDecoder().decode(
      keys.files.find((file) => file.path === `peers/peer0.org1.example.com/tls/${path}`)?.content,
    );
  const server = createServer({ cert: read("server.crt"), key: read("server.key") }, (socket) => {
    socket.end("hello");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address && typeof address === "object");
  try {
    for (const servername of ["localhost", "peer0.org1.example.com", "peer0"]) {
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(
          { host: "127.0.0.1", port: address.port, servername, ca: read("ca.crt") },
        );
        socket.setEncoding("utf8");
        socket.once("data", (data: string) => {
          resolve(data);
          socket.destroy();
        });
        socket.once("error", reject);
      });
      assert.equal(answer, "hello", servername);
    }
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("private keys are readable by their owner only", async () => {
  await inTemporaryFolder((folder) => {
    const keys = generateOrganization({ domain: "a.example", mspId: "A", users: 0 });
    const root = writeOrganization(folder, keys);
    const secret = keys.files.filter((file) => file.secret);
    assert.equal(secret.length, 6);
    for (const { path } of secret) assert.equal(statSync(join(root, path)).mode & 0o777, 0o600);
  });
});

Deno.test("existing keys are never overwritten, and a failed write leaves nothing behind", async () => {
  await inTemporaryFolder((folder) => {
    const keys = generateOrganization({ domain: "a.example", mspId: "A", users: 0 });
    writeOrganization(folder, keys);
    assert.throws(() => writeOrganization(folder, keys), { code: "keys-exist" });
    assert.deepEqual(readdirSync(join(folder, "peerOrganizations")), ["a.example"]);
    writeFileSync(join(folder, "ordererOrganizations"), "a file in the way");
    const orderer = generateOrganization({ domain: "b.example", mspId: "B", kind: "orderer" });
    assert.throws(() => writeOrganization(folder, orderer), { code: "keys-not-written" });
    assert.deepEqual(readdirSync(folder).sort(), ["ordererOrganizations", "peerOrganizations"]);
  });
});
