/** What rooms need of cryptography, independent of who computes it (libcrypto, node:crypto). */

export type CurveName = "P-256" | "P-384";

/** An EC public key: its curve and the uncompressed point (0x04 ‖ x ‖ y). */
export interface EcPublicKey {
  readonly curve: CurveName;
  readonly point: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

/** A private key that can sign; holds its native handle until `close`. */
export interface Signer {
  readonly publicKey: EcPublicKey;
  /** DER ECDSA signature over a digest, always with low S (Fabric refuses high S). */
  sign(digest: Uint8Array): Uint8Array;
  /** Frees the native handle; signing afterwards throws. The provider's `close` does it too. */
  close?(): void;
}

export interface SignatureCheck {
  readonly key: EcPublicKey;
  readonly digest: Uint8Array;
  /** DER, as it came over the wire. */
  readonly signature: Uint8Array;
}

/** The one place where ECDSA happens. Implementations must refuse high S and malformed DER. */
export interface EcdsaProvider {
  /** Which implementation this is, for logs: `libcrypto` or `node:crypto`. */
  readonly name: string;
  /** False for anything wrong: bad DER, high S, wrong key, wrong digest. Never throws. */
  verify(check: SignatureCheck): boolean;
  /** Many checks at once, spread over the machine's cores where possible; same order as asked. */
  verifyBatch(checks: readonly SignatureCheck[]): Promise<boolean[]>;
  /** A signer from PEM (PKCS#8 or SEC1). @throws DenimError `bad-private-key` */
  signerFromPem(pem: string): Signer;
  /** Frees the library and every handle; the composition root calls it last. */
  close?(): void;
}
