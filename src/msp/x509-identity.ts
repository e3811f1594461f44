/** An X.509 member of an MSP. Mirrors msp/identities.go. */
import type { Certificate } from "../crypto/certificate.ts";
import type { EcdsaProvider, SignatureCheck } from "../crypto/types.ts";
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import type { HashFunction } from "./hash-family.ts";
import { mspError } from "./msp-error.ts";
import type { Identity } from "./types.ts";

/** What an identity needs of the MSP it belongs to. */
export interface IdentityOwner {
  readonly mspId: string;
  readonly provider: EcdsaProvider;
  readonly signatureHash: HashFunction | undefined;
  readonly signatureHashFamily: string;
  /** @throws DenimError `invalid-identity`; cached by identity */
  validate(identity: X509Identity): void;
  /** @throws DenimError `principal-not-satisfied`; cached by identity and principal */
  satisfiesPrincipal(identity: X509Identity, principal: MSPPrincipal): void;
  /** Hash over the certificates above the identity's own. @throws DenimError */
  certifiersIdentifier(identity: X509Identity): Uint8Array;
}

/** Mirrors msp.OUIdentifier. */
export interface OrganizationalUnit {
  readonly name: string;
  readonly certifiersIdentifier: Uint8Array;
}

const unusableDigest = new Uint8Array(32);

export class X509Identity implements Identity {
  readonly mspId: string;
  #units: readonly OrganizationalUnit[] | undefined;

  constructor(
    readonly owner: IdentityOwner,
    readonly serialized: Uint8Array,
    /** The sanitized certificate. */
    readonly parsed: Certificate,
    /** Hex hash of the sanitized certificate. */
    readonly id: string,
  ) {
    this.mspId = owner.mspId;
  }

  get certificate(): Uint8Array {
    return this.parsed.raw;
  }

  get expiresAt(): number {
    return this.parsed.notAfter;
  }

  /** The subject's organizational units; none where the certification path cannot be built. */
  get organizationalUnits(): readonly OrganizationalUnit[] {
    if (this.#units) return this.#units;
    let certifiersIdentifier: Uint8Array;
    try {
      certifiersIdentifier = this.owner.certifiersIdentifier(this);
    } catch {
      return []; // Fabric logs and goes on without units.
    }
    this.#units = this.parsed.organizationalUnits.map((name) => ({ name, certifiersIdentifier }));
    return this.#units;
  }

  validate(): void {
    this.owner.validate(this);
  }

  satisfiesPrincipal(principal: MSPPrincipal): void {
    this.owner.satisfiesPrincipal(this, principal);
  }

  verify(message: Uint8Array, signature: Uint8Array): boolean {
    const { publicKey } = this.parsed;
    if (!publicKey || !this.owner.signatureHash) return false;
    return this.owner.provider.verify(this.signatureCheck(message, signature));
  }

  signatureCheck(message: Uint8Array, signature: Uint8Array): SignatureCheck {
    const { publicKey, keyProblem } = this.parsed;
    if (!publicKey) {
      throw mspError(
        "invalid-identity",
        `could not determine the validity of the signature: ${keyProblem}`,
      );
    }
    const { signatureHash } = this.owner;
    // An unknown hash family never verifies: the empty signature is refused whatever the digest.
    if (!signatureHash) {
      return { key: publicKey, digest: unusableDigest, signature: new Uint8Array(0) };
    }
    return { key: publicKey, digest: signatureHash(message), signature };
  }
}
