/** Certificates for tests: a throw-away authority that issues server and client certificates. */
import { webcrypto } from "node:crypto";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 24 * 60 * 60 * 1000;

/** Certificate and PKCS#8 key, both PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface TestAuthority {
  /** PEM of the self-signed root. */
  readonly root: string;
  /** A certificate for servers and clients alike; `names` become DNS or IP subject alternative names. */
  issue(
    commonName: string,
    names?: readonly string[],
    validity?: { notBefore: Date; notAfter: Date },
  ): Promise<IssuedCertificate>;
}

/** Makes an authority whose keys exist only in this process. */
export async function createTestAuthority(commonName: string): Promise<TestAuthority> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  // The library and the platform disagree only about nominal types of the same objects.
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const always = {
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
  };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: `CN=${commonName}`,
    ...always,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 2, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  let serial = 1;
  return {
    root: root.toString("pem"),
    async issue(subject, names = ["localhost", "127.0.0.1"], validity = always) {
      const leaf = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: (++serial).toString(16).padStart(4, "0"),
        subject: `CN=${subject}`,
        issuer: root.subject,
        ...validity,
        signingAlgorithm: algorithm,
        publicKey: leaf.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([
            x509.ExtendedKeyUsage.serverAuth,
            x509.ExtendedKeyUsage.clientAuth,
          ]),
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({
              type: /^[0-9.]+$|:/.test(value) ? "ip" as const : "dns" as const,
              value,
            })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      const pkcs8 = await crypto.subtle.exportKey("pkcs8", leaf.privateKey);
      return {
        certificate: certificate.toString("pem"),
        key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"),
      };
    },
  };
}
