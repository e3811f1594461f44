/** Checks what a certificate's key signed: other certificates and revocation lists. */
import { createPublicKey, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Certificate } from "./certificate.ts";
import { decodeSignature, toLowS } from "./ecdsa-signature.ts";
import { sha1, sha256, sha384, sha512 } from "./hash.ts";
import type { EcdsaProvider } from "./types.ts";

const ecdsaHash: Readonly<Record<string, (message: Uint8Array) => Uint8Array>> = {
  "1.2.840.10045.4.1": sha1,
  "1.2.840.10045.4.3.2": sha256,
  "1.2.840.10045.4.3.3": sha384,
  "1.2.840.10045.4.3.4": sha512,
};
const rsaHash: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
};

/** Is this signature algorithm ECDSA with a hash? */
export function isEcdsaAlgorithm(signatureAlgorithm: string): boolean {
  return signatureAlgorithm in ecdsaHash;
}

/**
 * Did `signer`'s key sign `signed`? Unlike Fabric messages, high S is fine here.
 * ECDSA with SHA-1/256/384/512 and RSA PKCS#1 with SHA-256/384/512; anything else is false.
 */
export function checkSignature(
  signer: Certificate,
  signatureAlgorithm: string,
  signed: Uint8Array,
  signature: Uint8Array,
  provider: EcdsaProvider,
): boolean {
  const hash = ecdsaHash[signatureAlgorithm];
  try {
    if (hash) {
      if (!signer.publicKey || !decodeSignature(signature).exact) return false;
      const low = toLowS(signature, signer.publicKey.curve);
      return provider.verify({ key: signer.publicKey, digest: hash(signed), signature: low });
    }
    const rsa = rsaHash[signatureAlgorithm];
    if (!rsa) return false;
    const key = createPublicKey({ key: Buffer.from(signer.spki), format: "der", type: "spki" });
    return key.asymmetricKeyType === "rsa" && verify(rsa, signed, key, signature);
  } catch {
    return false;
  }
}
