/** Identities as the rest of Denim sees them. Mirrors msp/msp.go of Fabric 1.4.2. */
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import type { MSPConfig } from "../gen/msp/msp_config_pb.ts";
import type { SigningIdentity } from "../protocol/signing-identity.ts";

/** A member of an MSP, deserialized but not necessarily valid. */
export interface Identity {
  readonly mspId: string;
  /** The SerializedIdentity bytes it came from, untouched. */
  readonly serialized: Uint8Array;
  /** Hash of the certificate, hex: Fabric's IdentityIdentifier.Id. */
  readonly id: string;
  /** DER of the X.509 certificate. */
  readonly certificate: Uint8Array;
  /** End of validity, milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Chain, revocation, node OUs. @throws DenimError with the reason. Cached per MSP configuration. */
  validate(): void;
  /** True when `signature` is this identity's over `message` (hashed with the MSP's hash family). */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
  /** The digest and key that `verify` would check, for batch verification. */
  signatureCheck(
    message: Uint8Array,
    signature: Uint8Array,
  ): import("../crypto/types.ts").SignatureCheck;
  /** @throws DenimError when the identity does not satisfy the principal. */
  satisfiesPrincipal(principal: MSPPrincipal): void;
}

/** Turns serialized identities into identities: one MSP or all of a channel's. */
export interface IdentityDeserializer {
  /** @throws DenimError `unknown-msp`, `malformed-identity` */
  deserializeIdentity(serialized: Uint8Array): Identity;
}

export interface Msp extends IdentityDeserializer {
  readonly mspId: string;
  readonly config: MSPConfig;
  /** PEM-decoded DER of TLS root and intermediate certificates. */
  readonly tlsRootCertificates: readonly Uint8Array[];
  readonly tlsIntermediateCertificates: readonly Uint8Array[];
}

/** The MSPs of one channel. */
export interface MspManager extends IdentityDeserializer {
  msp(mspId: string): Msp | undefined;
  mspIds(): string[];
}

export type { SigningIdentity };
