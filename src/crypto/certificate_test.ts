import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { checkSignature } from "./certificate-signature.ts";
import { generateKeyPair, writeCertificate } from "./certificate-writer.ts";
import { parseCertificate } from "./certificate.ts";
import { decodePem } from "./pem.ts";
import { createEcdsaProvider } from "./provider.ts";

const provider = createEcdsaProvider();
const folder = fileURLToPath(new URL("../../tests/testdata/golden/crypto-config", import.meta.url));
const recorded = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter(({ name }) => name.endsWith("-cert.pem") || name.endsWith(".crt"))
  .map(({ parentPath, name }) => {
    const der = decodePem(readFileSync(join(parentPath, name)))?.bytes ?? assert.fail(name);
    return { name: join(parentPath, name), der };
  });

Deno.test("recorded certificates read as node:crypto reads them", () => {
  assert.ok(recorded.length > 40);
  for (const { name, der } of recorded) {
    const ours = parseCertificate(der);
    const theirs = new X509Certificate(der);
    assert.equal(BigInt(`0x${ours.serialHex}`), BigInt(`0x${theirs.serialNumber}`), name);
    assert.equal(ours.notBefore, Date.parse(theirs.validFrom), name);
    assert.equal(ours.notAfter, Date.parse(theirs.validTo), name);
    assert.equal(ours.isCa, theirs.ca, name);
    assert.ok(theirs.subject.includes(`CN=${ours.commonName}`), name);
    const units = theirs.subject.split("\n").filter((line) => line.startsWith("OU="))
      .map((line) => line.slice(3));
    assert.deepEqual(ours.organizationalUnits, units, name);
  }
});

Deno.test("a certificate's signature holds under its authority's key and no other", () => {
  const ca = generateKeyPair();
  const template = {
    subject: { commonName: "x" },
    notBefore: 0,
    notAfter: Date.UTC(2040, 0),
    keyUsage: ["digitalSignature"] as const,
  };
  const issuer = { name: { commonName: "ca" }, keys: ca };
  const authority = parseCertificate(
    writeCertificate({ ...template, isCa: true, keyUsage: ["keyCertSign"] }, ca).der,
  );
  const child = parseCertificate(writeCertificate(template, generateKeyPair(), issuer).der);
  const holds = (signature: Uint8Array, signer = authority) =>
    checkSignature(signer, child.signatureAlgorithm, child.rawTbs, signature, provider);
  assert.ok(holds(child.signature));
  assert.ok(!holds(child.signature, child));
  assert.ok(!holds(child.signature.subarray(1)));
  assert.ok(!checkSignature(authority, "1.2.3", child.rawTbs, child.signature, provider));
});

Deno.test("IPv4 and IPv6 hosts become addresses, the rest names", () => {
  const hosts = ["localhost", "127.0.0.1", "::1", "2001:db8::ff00:42:8329", "::ffff:10.0.0.1"];
  const { pem } = writeCertificate({
    subject: { commonName: "x" },
    notBefore: 0,
    notAfter: Date.UTC(2040, 0),
    keyUsage: ["digitalSignature"],
    hosts,
  }, generateKeyPair());
  const der = decodePem(pem)?.bytes ?? assert.fail();
  const san = parseCertificate(der).extensions.find(({ oid }) => oid === "2.5.29.17");
  const bytes = Array.from(san?.value ?? []);
  const text = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  assert.ok(text.includes("87047f000001"), "IPv4");
  assert.ok(text.includes("8710" + "0".repeat(31) + "1"), "loopback");
  assert.ok(text.includes("871020010db8000000000000ff0000428329"), "IPv6");
  assert.ok(text.includes("8710" + "0".repeat(20) + "ffff0a000001"), "mapped");
  assert.ok(text.includes("8209" + "6c6f63616c686f7374"), "name");
});

Deno.test("truncated and mutated certificates are refused or read, but never crash", () => {
  const { der } = recorded[0];
  fc.assert(
    fc.property(
      fc.nat(der.length - 1),
      fc.integer({ min: 0, max: 255 }),
      fc.boolean(),
      (at, value, truncate) => {
        const mutated = truncate ? der.slice(0, at) : new Uint8Array(der);
        if (!truncate) mutated[at] = value;
        try {
          parseCertificate(mutated);
          assert.ok(!truncate);
        } catch (thrown) {
          assert.equal((thrown as { code?: string }).code, "bad-certificate");
        }
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("trailing data after a certificate is refused", () => {
  const { der } = recorded[0];
  const longer = new Uint8Array(der.length + 1);
  longer.set(der);
  assert.throws(() => parseCertificate(longer), { code: "bad-certificate", message: /trailing/ });
});
