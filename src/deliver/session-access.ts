/** Access of one seek request over time. Mirrors common/deliver/acl.go and common/crypto/expiration.go. */
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import { parseCertificate } from "../crypto/certificate.ts";
import { decodePem } from "../crypto/pem.ts";
import { SerializedIdentitySchema } from "../gen/msp/identities_pb.ts";
import type { SignedData } from "../policy/types.ts";
import { tryDecode } from "../protocol/decode.ts";

/** End of an identity's certificate in milliseconds; undefined where it cannot be told. */
export function identityExpiresAt(serialized: Uint8Array): number | undefined {
  const identity = tryDecode(SerializedIdentitySchema, serialized);
  const pem = identity && decodePem(identity.idBytes);
  if (!pem) return undefined;
  try {
    return parseCertificate(pem.bytes).notAfter;
  } catch {
    return undefined; // no decision about what is no certificate; the policy refuses it
  }
}

/**
 * Checks the policy at first use and whenever the configuration has moved on, and the expiry of
 * the client's certificate every time.
 */
export class SessionAccess {
  readonly #expiresAt: number | undefined;
  #lastSequence = 0n;
  #used = false;

  constructor(
    readonly signed: SignedData,
    readonly sequence: () => bigint,
    readonly check: (signed: SignedData) => void,
    readonly clock: Clock,
  ) {
    this.#expiresAt = identityExpiresAt(signed.identity);
  }

  /** @throws DenimError `identity-expired`, or what the policy check throws */
  evaluate(): void {
    const now = this.clock.now();
    if (this.#expiresAt !== undefined && now > this.#expiresAt) {
      const agoMs = now - this.#expiresAt;
      throw new DenimError("identity-expired", `client identity expired ${agoMs}ms before`, {
        expiresAt: this.#expiresAt,
      });
    }
    const sequence = this.sequence();
    if (this.#used && sequence <= this.#lastSequence) return;
    this.#lastSequence = sequence;
    this.#used = true;
    this.check(this.signed);
  }
}
