import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { writeCertificate } from "../crypto/certificate-writer.ts";
import { encodePem } from "../crypto/pem.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { sha256, sha3_256 } from "../crypto/hash.ts";
import { MSPConfigSchema } from "../gen/msp/msp_config_pb.ts";
import { createMsp } from "./create-msp.ts";
import { createMspManager } from "./msp-manager.ts";
import { mspConfig, TestAuthority, type TestMember, withHighS } from "./pki_testkit.ts";
import { serializeIdentity } from "./serialized-identity.ts";
import { createSigningIdentity } from "./signing-identity.ts";
import type { Identity, Msp } from "./types.ts";

const provider = createEcdsaProvider();
const root = TestAuthority.root();
const plain = createMsp(mspConfig("OrgMSP", { roots: [root] }), { provider });

function identityIn(msp: Msp, member: { pem: string }): Identity {
  return msp.deserializeIdentity(serializeIdentity(msp.mspId, member.pem));
}

function signatureOf(member: TestMember, message: Uint8Array, mspId = "OrgMSP"): Uint8Array {
  return createSigningIdentity(mspId, member.pem, provider.signerFromPem(member.keys.keyPem))
    .sign(message);
}

Deno.test("a member of the root is valid and its signatures verify", () => {
  for (const curve of ["P-256", "P-384"] as const) {
    const member = root.member("peer0", [], {}, curve);
    const identity = identityIn(plain, member);
    identity.validate();
    const message = utf8("hello");
    const signature = signatureOf(member, message);
    assert.ok(identity.verify(message, signature));
    assert.ok(!identity.verify(utf8("other"), signature));
    assert.ok(provider.verify(identity.signatureCheck(message, signature)));
    assert.equal(
      identity.id,
      Array.from(sha256(member.der), (b) => b.toString(16).padStart(2, "0")).join(""),
    );
    assert.equal(identity.expiresAt, Date.UTC(2036, 0, 1));
  }
});

Deno.test("a member of an unknown authority is not even deserialized", () => {
  const stranger = TestAuthority.root("stranger").member("peer0");
  assert.throws(() => identityIn(plain, stranger), {
    code: "invalid-identity",
    message: "the supplied identity is not valid: x509: certificate signed by unknown authority",
  });
  const impostor = TestAuthority.root("root").member("peer0");
  assert.throws(
    () => identityIn(plain, impostor),
    /possibly because of .*ECDSA verification failure/,
  );
});

Deno.test("an expired member stays valid, whoever wants expiry checked asks expiresAt", () => {
  const expired = root.member("old", [], { notAfter: Date.UTC(2026, 1, 1) });
  identityIn(plain, expired).validate();
  const tooEarly = root.member("early", [], { notBefore: Date.UTC(2020, 0, 1) });
  assert.throws(() => identityIn(plain, tooEarly), /expired or is not yet valid/);
});

Deno.test("a certificate with high S counts as its low-S twin", () => {
  const member = root.member("peer0");
  const high = { pem: encodePem("CERTIFICATE", withHighS(member.der)) };
  const serialized = serializeIdentity("OrgMSP", high.pem);
  const identity = plain.deserializeIdentity(serialized);
  assert.deepEqual(identity.certificate, member.der);
  assert.deepEqual(identity.serialized, serialized);
  assert.equal(identity.id, identityIn(plain, member).id);
  identity.validate();
  const message = utf8("m");
  assert.ok(identity.verify(message, signatureOf(member, message)));
});

Deno.test("authorities with high S are trusted as their low-S twins", () => {
  const high = { ...root, pem: encodePem("CERTIFICATE", withHighS(root.der)) };
  const msp = createMsp(mspConfig("OrgMSP", { roots: [high] }), { provider });
  identityIn(msp, root.member("peer0")).validate();
});

Deno.test("an authority's certificate is no member", () => {
  const identity = identityIn(plain, root);
  assert.throws(() => identity.validate(), /Certificate Authority equals true cannot be used/);
});

Deno.test("a member whose extended key usage excludes servers is refused, as Go does", () => {
  const client = root.member("c", [], { extendedKeyUsage: ["clientAuth"] });
  assert.throws(() => identityIn(plain, client), /incompatible key usage/);
  identityIn(plain, root.member("s", [], { extendedKeyUsage: ["clientAuth", "serverAuth"] }));
  identityIn(plain, root.member("a", [], { extendedKeyUsage: ["any"] })).validate();
});

Deno.test("members come from the leaves of the certification tree only", () => {
  const intermediate = root.authority("intermediate");
  const lower = intermediate.authority("lower");
  const msp = createMsp(
    mspConfig("OrgMSP", {
      roots: [root],
      intermediateCerts: [utf8(intermediate.pem), utf8(lower.pem)],
    }),
    { provider },
  );
  identityIn(msp, lower.member("peer0")).validate();
  for (const above of [root, intermediate]) {
    assert.throws(() => identityIn(msp, above.member("peer0")).validate(), {
      message: /Parent certificate should be a leaf of the certification tree/,
    });
  }
});

Deno.test("an authority without the right to sign certificates signs none", () => {
  const weak = root.authority("weak", { keyUsage: ["crlSign"] });
  const msp = createMsp(
    mspConfig("OrgMSP", { roots: [root], intermediateCerts: [utf8(weak.pem)] }),
    { provider },
  );
  assert.throws(() => identityIn(msp, weak.member("x")), /cannot sign this kind of certificate/);
});

Deno.test("two paths to a root are refused, a root listed twice counts once", () => {
  const renewed = writeCertificate({
    subject: { commonName: "root" },
    notBefore: Date.UTC(2026, 0, 1),
    notAfter: Date.UTC(2046, 0, 1),
    isCa: true,
    keyUsage: ["keyCertSign"],
  }, root.keys);
  const member = root.member("m");
  const twice = createMsp(mspConfig("OrgMSP", { roots: [root, root] }), { provider });
  identityIn(twice, member).validate();
  const both = createMsp(
    mspConfig("OrgMSP", { roots: [root, { ...renewed, keys: root.keys }] }),
    { provider },
  );
  assert.throws(() => identityIn(both, member), {
    message: "this MSP only supports a single validation chain, got 2",
  });
});

Deno.test("a revoked member is invalid, unless the list is not its authority's", () => {
  const [revoked, other] = [root.member("revoked"), root.member("other")];
  const withList = (list: Uint8Array) =>
    createMsp(mspConfig("OrgMSP", { roots: [root], revocationList: [list] }), { provider });
  const msp = withList(root.revocationList([revoked]));
  assert.throws(() => identityIn(msp, revoked).validate(), {
    message:
      "could not validate identity against certification chain: The certificate has been revoked",
  });
  identityIn(msp, other).validate();
  // Names the authority, but somebody else signed it.
  const forged = withList(root.revocationList([revoked], TestAuthority.root()));
  identityIn(forged, revoked).validate();
  const foreign = withList(TestAuthority.root().revocationList([revoked]));
  identityIn(foreign, revoked).validate();
});

Deno.test("a revoked intermediate authority breaks the setup", () => {
  const intermediate = root.authority("intermediate");
  assert.throws(
    () =>
      createMsp(
        mspConfig("OrgMSP", {
          roots: [root],
          intermediateCerts: [utf8(intermediate.pem)],
          revocationList: [root.revocationList([intermediate])],
        }),
        { provider },
      ),
    { message: /^CA Certificate is not valid, \(SN: \d+\): The certificate has been revoked$/ },
  );
});

Deno.test("an MSP that cannot be trusted is refused with the reason", () => {
  const member = root.member("m");
  const cases: [string, () => Msp, RegExp][] = [
    ["no root", () => createMsp(mspConfig("M", { roots: [] }), { provider }), /at least one CA/],
    [
      "root is no CA",
      () =>
        createMsp(mspConfig("M", { roots: [root, TestAuthority.root("x", { isCa: false })] }), {
          provider,
        }),
      /did not have the CA attribute/,
    ],
    [
      "root is no PEM",
      () => createMsp(mspConfig("M", { roots: [{ ...root, pem: "x" }] }), { provider }),
      /could not decode pem/,
    ],
    [
      "admin of another authority",
      () =>
        createMsp(
          mspConfig("M", { roots: [root], adminMembers: [TestAuthority.root("o").member("a")] }),
          { provider },
        ),
      /unknown authority/,
    ],
    [
      "admin is an authority",
      () => createMsp(mspConfig("M", { roots: [root], adminMembers: [root] }), { provider }),
      /^admin 0 is invalid: could not obtain certification chain: An X509 certificate/,
    ],
    [
      "list is garbage",
      () => createMsp(mspConfig("M", { roots: [root], revocationList: [utf8("x")] }), { provider }),
      /^could not parse RevocationList/,
    ],
    [
      "unknown identifier hash",
      () =>
        createMsp(
          mspConfig("M", {
            roots: [root],
            cryptoConfig: { identityIdentifierHashFunction: "MD5" },
          }),
          { provider },
        ),
      /hash function not recognized \[MD5\]/,
    ],
    [
      "config is garbage",
      () => createMsp(create(MSPConfigSchema, { type: 0, config: utf8("garbage") }), { provider }),
      /^failed unmarshalling fabric msp config/,
    ],
    [
      "unknown type",
      () => createMsp(create(MSPConfigSchema, { type: 7 }), { provider }),
      /^Setup error: unsupported msp type 7$/,
    ],
    [
      "signing identity expired",
      () =>
        createMsp(
          mspConfig("M", { roots: [root], signingIdentity: { publicSigner: utf8(member.pem) } }),
          { provider, clock: { now: () => Date.UTC(2036, 0, 1, 0, 0, 9) } },
        ),
      /^signing identity expired 9s ago$/,
    ],
    [
      "TLS authority expired",
      () =>
        createMsp(mspConfig("M", { roots: [root], tlsRootCerts: [utf8(root.pem)] }), {
          provider,
          clock: { now: () => Date.UTC(2036, 0, 2) },
        }),
      /^CA Certificate is not valid.*expired or is not yet valid$/,
    ],
  ];
  for (const [what, make, reason] of cases) assert.throws(make, { message: reason }, what);
});

Deno.test("TLS authorities are given as DER", () => {
  const intermediate = root.authority("tls");
  const msp = createMsp(
    mspConfig("M", {
      roots: [root],
      tlsRootCerts: [utf8(root.pem)],
      tlsIntermediateCerts: [utf8(intermediate.pem)],
    }),
    { provider, clock: { now: () => Date.UTC(2027, 0) } },
  );
  assert.deepEqual(msp.tlsRootCertificates, [root.der]);
  assert.deepEqual(msp.tlsIntermediateCertificates, [intermediate.der]);
});

Deno.test("the hash family of the configuration is the one that counts", () => {
  const member = root.member("m");
  const message = utf8("message");
  const withFamily = (signatureHashFamily: string) =>
    identityIn(
      createMsp(mspConfig("OrgMSP", { roots: [root], cryptoConfig: { signatureHashFamily } }), {
        provider,
      }),
      member,
    );
  const signer = provider.signerFromPem(member.keys.keyPem);
  const [sha2, sha3] = [signer.sign(sha256(message)), signer.sign(sha3_256(message))];
  assert.deepEqual([sha2, sha3].map((s) => withFamily("SHA2").verify(message, s)), [true, false]);
  assert.deepEqual([sha2, sha3].map((s) => withFamily("SHA3").verify(message, s)), [false, true]);
  assert.deepEqual([sha2, sha3].map((s) => withFamily("X").verify(message, s)), [false, false]);
  assert.equal(provider.verify(withFamily("X").signatureCheck(message, sha2)), false);
});

Deno.test("identities that are not what they should be are refused with Fabric's words", () => {
  const manager = createMspManager([plain]);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /^MSP {2}is unknown$/],
    [utf8("garbage"), /^could not deserialize a SerializedIdentity/],
    [serializeIdentity("Nobody", root.pem), /^MSP Nobody is unknown$/],
    [serializeIdentity("OrgMSP", "no pem"), /^could not decode the PEM structure$/],
    [serializeIdentity("OrgMSP", encodePem("CERTIFICATE", utf8("x"))), /^parseCertificate failed/],
  ];
  for (const [serialized, message] of cases) {
    assert.throws(() => manager.deserializeIdentity(serialized), { message });
  }
  assert.throws(() => plain.deserializeIdentity(serializeIdentity("Other", root.pem)), {
    message: "expected MSP ID OrgMSP, received Other",
  });
  assert.deepEqual(manager.mspIds(), ["OrgMSP"]);
  assert.equal(manager.msp("OrgMSP"), plain);
  assert.equal(manager.msp("Other"), undefined);
});

Deno.test("mutated identities are refused or read, but nothing else happens", () => {
  const serialized = serializeIdentity("OrgMSP", root.member("m").pem);
  const manager = createMspManager([plain]);
  fc.assert(
    fc.property(
      fc.nat(serialized.length - 1),
      fc.nat(255),
      fc.boolean(),
      (at, value, truncate) => {
        const mutated = truncate ? serialized.slice(0, at) : new Uint8Array(serialized);
        if (!truncate) mutated[at] = value;
        try {
          manager.deserializeIdentity(mutated).validate();
        } catch (thrown) {
          assert.ok(thrown instanceof DenimError, String(thrown));
        }
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("an Idemix organisation is known, its identities are refused with the reason", () => {
  // IdemixMSPConfig { string name = 1; }
  const config = create(MSPConfigSchema, {
    type: 1,
    config: Uint8Array.of(0x0a, 4, ...utf8("Idem")),
  });
  const manager = createMspManager([plain, createMsp(config, { provider })]);
  assert.deepEqual(manager.mspIds(), ["OrgMSP", "Idem"]);
  assert.throws(() => manager.deserializeIdentity(serializeIdentity("Idem", "x")), {
    code: "idemix-not-supported",
    message: "MSP Idem is an Idemix MSP; Idemix identities are not supported",
  });
});

Deno.test("more members than the cache holds are still told apart", () => {
  const msp = createMsp(mspConfig("OrgMSP", { roots: [root] }), { provider, maxCacheEntries: 3 });
  const members = Array.from({ length: 8 }, (_, i) => root.member(`m${i}`));
  const first = members.map((member) => identityIn(msp, member).id);
  const again = members.map((member) => identityIn(msp, member).id);
  assert.deepEqual(first, again);
  assert.equal(new Set(first).size, members.length);
  assert.equal(identityIn(msp, members[7]), identityIn(msp, members[7]));
});
