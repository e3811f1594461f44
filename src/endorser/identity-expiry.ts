/**
 * Has the proposer's certificate expired? Asked before anything else, so that people whose
 * certificate ran out are told so. Mirrors core/handlers/auth/filter/expiration.go of Fabric 1.4.2.
 */
import { X509Certificate } from "node:crypto";
import { latin1, text } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import { SerializedIdentitySchema } from "../gen/msp/identities_pb.ts";
import { tryDecode } from "../protocol/decode.ts";

/** How many creators' expiry times are remembered; parsing a certificate takes longer than looking. */
const maxRememberedCreators = 1000;
/** Nobody has checked a creator yet, so that one of any length may come; certificates are shorter. */
const maxRememberedCreatorBytes = 8 * 1024;

export class IdentityExpiry {
  readonly #clock: Clock;
  readonly #known = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param creator SerializedIdentity bytes; where they hold no certificate nothing is decided here
   * @throws DenimError `identity-expired`
   */
  check(creator: Uint8Array): void {
    const expiresAt = this.#expiresAt(creator);
    if (this.#clock.now() <= expiresAt) return;
    throw new DenimError(
      "identity-expired",
      "identity expired",
      { expiredAt: new Date(expiresAt).toISOString() },
      "Enroll the identity again to get a new certificate.",
    );
  }

  #expiresAt(creator: Uint8Array): number {
    if (creator.length > maxRememberedCreatorBytes) return certificateExpiry(creator);
    const key = latin1(creator);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const expiresAt = certificateExpiry(creator);
    if (this.#known.size >= maxRememberedCreators) this.#known.clear();
    this.#known.set(key, expiresAt);
    return expiresAt;
  }
}

/** Milliseconds since the epoch; Infinity where it cannot be known. */
function certificateExpiry(creator: Uint8Array): number {
  const pem = tryDecode(SerializedIdentitySchema, creator)?.idBytes;
  if (pem === undefined) return Infinity;
  try {
    const time = Date.parse(new X509Certificate(text(pem)).validTo);
    return Number.isNaN(time) ? Infinity : time;
  } catch {
    return Infinity;
  }
}
