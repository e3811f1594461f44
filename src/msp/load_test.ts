import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { parseCertificate } from "../crypto/certificate.ts";
import { encodePem } from "../crypto/pem.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { FabricMSPConfigSchema } from "../gen/msp/msp_config_pb.ts";
import { createMsp } from "./create-msp.ts";
import { loadMspConfig } from "./load-msp-config.ts";
import { TestAuthority, type TestMember, withHighS } from "./pki_testkit.ts";
import { decodeSerializedIdentity } from "./serialized-identity.ts";
import { loadSigningIdentity } from "./signing-identity.ts";

const provider = createEcdsaProvider();
const golden = fileURLToPath(
  new URL("../../tests/testdata/golden/crypto-config/peerOrganizations/", import.meta.url),
);
const adminMsp = join(golden, "org1.example.com/users/Admin@org1.example.com/msp");

async function withFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "denim-msp-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(folder: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

function memberFiles(root: TestAuthority, member: TestMember): Record<string, string> {
  return {
    "cacerts/ca.pem": root.pem,
    "admincerts/admin.pem": member.pem,
    "signcerts/cert.pem": member.pem,
    "keystore/priv_sk": member.keys.keyPem,
  };
}

Deno.test("a recorded organisation's directory becomes a working MSP", async () => {
  const config = await loadMspConfig(join(golden, "org1.example.com/msp"), "Org1MSP");
  const settings = fromBinary(FabricMSPConfigSchema, config.config);
  assert.equal(settings.name, "Org1MSP");
  assert.equal(settings.fabricNodeOus?.clientOuIdentifier?.organizationalUnitIdentifier, "client");
  assert.ok((settings.fabricNodeOus?.peerOuIdentifier?.certificate.length ?? 0) > 0);
  assert.equal(settings.signingIdentity, undefined);
  const msp = createMsp(config, { provider });
  const signer = loadSigningIdentity(adminMsp, "Org1MSP", provider);
  const identity = msp.deserializeIdentity(signer.serialized);
  identity.validate();
  const message = utf8("message");
  assert.ok(identity.verify(message, signer.sign(message)));
  assert.deepEqual(identity.certificate, signer.certificate);
  assert.equal(identity.expiresAt, signer.expiresAt);
});

Deno.test("a missing folder is named", async () => {
  await withFolder(async (folder) => {
    const root = TestAuthority.root();
    write(folder, memberFiles(root, root.member("m")));
    await loadMspConfig(folder, "M", { signing: true });
    for (
      const [name, what] of [
        ["cacerts", "ca certificate"],
        ["admincerts", "admin certificate"],
        ["signcerts", "signer certificate"],
      ]
    ) {
      renameSync(join(folder, name), join(folder, "away"));
      await assert.rejects(loadMspConfig(folder, "M", { signing: true }), {
        code: "bad-msp-directory",
        message: `could not load a valid ${what} from directory ${
          join(folder, name)
        }: no such directory`,
      });
      renameSync(join(folder, "away"), join(folder, name));
    }
    renameSync(join(folder, "keystore"), join(folder, "away"));
    assert.throws(() => loadSigningIdentity(folder, "M", provider), {
      code: "bad-msp-directory",
      message: new RegExp(`could not read the keystore ${join(folder, "keystore")}`),
    });
  });
});

Deno.test("files that are no PEM are left out, in the order of their names", async () => {
  await withFolder(async (folder) => {
    const root = TestAuthority.root();
    const [b, a] = [root.member("b"), root.member("a")];
    write(folder, {
      ...memberFiles(root, b),
      "admincerts/admin.pem": "not a certificate",
      "admincerts/2.pem": b.pem,
      "admincerts/1.pem": a.pem,
      "admincerts/below/3.pem": b.pem,
    });
    const { config } = await loadMspConfig(folder, "M");
    assert.deepEqual(fromBinary(FabricMSPConfigSchema, config).admins, [
      new Uint8Array(utf8(a.pem)),
      new Uint8Array(utf8(b.pem)),
    ]);
  });
});

Deno.test("config.yaml gives required units and node OUs, and its mistakes are named", async () => {
  await withFolder(async (folder) => {
    const root = TestAuthority.root();
    write(folder, memberFiles(root, root.member("m", ["client"])));
    const load = async (yaml: string) => {
      write(folder, { "config.yaml": yaml });
      return fromBinary(FabricMSPConfigSchema, (await loadMspConfig(folder, "M")).config);
    };
    const units = await load(
      "OrganizationalUnitIdentifiers:\n  - Certificate: cacerts/ca.pem\n    OrganizationalUnitIdentifier: sales\n",
    );
    assert.equal(units.organizationalUnitIdentifiers[0].organizationalUnitIdentifier, "sales");
    assert.equal(units.fabricNodeOus, undefined);
    const off = await load("NodeOUs:\n  Enable: false\n");
    assert.equal(off.fabricNodeOus, undefined);
    const open = await load(
      "NodeOUs:\n  Enable: true\n  ClientOUIdentifier: {OrganizationalUnitIdentifier: c}\n" +
        "  PeerOUIdentifier: {Certificate: absent.pem, OrganizationalUnitIdentifier: p}\n",
    );
    assert.equal(open.fabricNodeOus?.peerOuIdentifier?.certificate.length, 0);
    const cases: [string, RegExp][] = [
      ["NodeOUs:\n  Enable: true\n", /ClientOU must be different from nil/],
      ["NodeOUs: [", /failed unmarshalling configuration file at/],
      [
        "OrganizationalUnitIdentifiers:\n  - Certificate: absent.pem\n",
        /could not read file .*absent/,
      ],
    ];
    for (const [yaml, message] of cases) await assert.rejects(load(yaml), { message });
  });
});

Deno.test("administrators by unit need no admincerts", async () => {
  await withFolder(async (folder) => {
    const root = TestAuthority.root();
    write(folder, {
      "cacerts/ca.pem": root.pem,
      "config.yaml": "NodeOUs:\n  Enable: true\n" +
        ["Client", "Peer", "Admin", "Orderer"].map((role) =>
          `  ${role}OUIdentifier: {Certificate: cacerts/ca.pem, OrganizationalUnitIdentifier: ${role.toLowerCase()}}\n`
        ).join(""),
    });
    const msp = createMsp(await loadMspConfig(folder, "M"), { provider, version: "v1_4_3" });
    assert.equal(msp.mspId, "M");
  });
});

Deno.test("the key is found under any name and in any of its forms", async () => {
  await withFolder((folder) => {
    const root = TestAuthority.root();
    const [member, other] = [root.member("m"), root.member("other")];
    const sec1 = new Uint8Array(member.keys.privateKey.export({ type: "sec1", format: "der" }));
    write(folder, {
      ...memberFiles(root, member),
      "keystore/priv_sk": encodePem("EC PRIVATE KEY", sec1),
      "keystore/a_sk": other.keys.keyPem,
      "keystore/README": "no key",
    });
    const signer = loadSigningIdentity(folder, "M", provider);
    assert.deepEqual(signer.certificate, member.der);
    signer.close();
  });
});

Deno.test("a keystore without the certificate's key says which file is missing", async () => {
  await withFolder((folder) => {
    const root = TestAuthority.root();
    write(folder, {
      ...memberFiles(root, root.member("m")),
      "keystore/priv_sk": root.member("other").keys.keyPem,
      "keystore/broken_sk": "no key",
    });
    assert.throws(() => loadSigningIdentity(folder, "M", provider), (thrown: Error) => {
      assert.match(
        thrown.message,
        /^no private key in .*keystore belongs to the certificate .*cert\.pem$/,
      );
      assert.match((thrown as { hint?: string }).hint ?? "", /[0-9a-f]{64}_sk/);
      return true;
    });
  });
});

Deno.test("an expired identity does not sign", () => {
  const clock = { now: () => Date.UTC(2050, 0) };
  assert.throws(() => loadSigningIdentity(adminMsp, "Org1MSP", provider, { clock }), {
    message: /^signing identity expired \d+s ago$/,
  });
});

Deno.test("a signing certificate with high S is presented with low S", async () => {
  await withFolder((folder) => {
    const root = TestAuthority.root();
    const member = root.member("m");
    write(folder, {
      ...memberFiles(root, member),
      "signcerts/cert.pem": encodePem("CERTIFICATE", withHighS(member.der)),
    });
    const signer = loadSigningIdentity(folder, "M", provider);
    assert.deepEqual(parseCertificate(signer.certificate).raw, member.der);
    const { mspid, idBytes } = decodeSerializedIdentity(signer.serialized);
    assert.equal(mspid, "M");
    assert.equal(new TextDecoder().decode(idBytes), encodePem("CERTIFICATE", member.der));
  });
});

Deno.test("both providers sign with the recorded keys", async () => {
  await withFolder((folder) => {
    cpSync(adminMsp, folder, { recursive: true });
    assert.equal(readdirSync(join(folder, "keystore")).length, 1);
    const portable = createEcdsaProvider({ prefer: "portable" });
    const signer = loadSigningIdentity(folder, "Org1MSP", portable);
    assert.ok(signer.sign(utf8("x")).length > 60);
  });
});
