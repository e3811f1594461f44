/**
 * Certificates that run out: administrators are told a week before, and again when it has happened.
 * The wording is that of common/crypto/expiration.go from Fabric 2.x on; 1.4.2 says nothing.
 */
import { emptyBytes, equal, hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { blockSignatures } from "../channel/block-verifier.ts";
import { parseCertificate } from "../crypto/certificate.ts";
import { sha256 } from "../crypto/hash.ts";
import { decodePem } from "../crypto/pem.ts";
import { identityExpiresAt } from "../deliver/session-access.ts";
import type { Block } from "../gen/common/common_pb.ts";
import type { PeerTlsMaterial } from "./peer-tls.ts";

/** End of a certificate (DER) in milliseconds since the epoch; undefined where it cannot be read. */
export function certificateExpiresAt(der: Uint8Array): number | undefined {
  try {
    return parseCertificate(der).notAfter;
  } catch {
    return undefined; // whoever uses the certificate says what is wrong with it
  }
}

/** Administrators need this much time. */
export const expiryWarningMs = 7 * 24 * 3_600_000;

const hourMs = 3_600_000;

/** How often the watched certificates are looked at. */
const checkIntervalMs = hourMs;

/** Certificates that are watched at one time; beyond that, the oldest is forgotten. */
const maxWatched = 1_000;

interface Watched {
  readonly expiresAt: number;
  told: "nothing" | "soon" | "expired";
}

export interface ExpiryWatchOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly checkIntervalMs?: number;
}

export class ExpiryWatch {
  readonly #watched = new Map<string, Watched>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(private readonly options: ExpiryWatchOptions) {
    this.#timer = setInterval(() => this.#checkAll(), options.checkIntervalMs ?? checkIntervalMs);
  }

  /**
   * @param name whose certificate, `enrollment`; a newer one of the same name takes its place
   * @param expiresAt milliseconds since the epoch; undefined where it cannot be told
   */
  watch(name: string, expiresAt: number | undefined): void {
    if (expiresAt === undefined || this.#watched.get(name)?.expiresAt === expiresAt) return;
    this.#watched.delete(name);
    if (this.#watched.size >= maxWatched) {
      for (const oldest of this.#watched.keys()) {
        this.#watched.delete(oldest);
        break;
      }
    }
    const watched: Watched = { expiresAt, told: "nothing" };
    this.#watched.set(name, watched);
    this.#check(name, watched);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #checkAll(): void {
    for (const [name, watched] of this.#watched) this.#check(name, watched);
  }

  #check(name: string, watched: Watched): void {
    const { clock, logger } = this.options;
    const leftMs = watched.expiresAt - clock.now();
    const expiresAt = new Date(watched.expiresAt).toISOString();
    if (leftMs < 0 && watched.told !== "expired") {
      watched.told = "expired";
      logger.error(`The ${name} certificate has expired`, { expiresAt });
    } else if (leftMs >= 0 && leftMs < expiryWarningMs && watched.told === "nothing") {
      watched.told = "soon";
      const hours = Math.ceil(leftMs / hourMs);
      logger.warn(`The ${name} certificate expires within ${hours} hours`, { expiresAt });
    }
  }
}

/** Watches what a peer shows of itself. */
export function watchOwnCertificates(
  watch: ExpiryWatch,
  enrollmentExpiresAt: number,
  tls: PeerTlsMaterial | undefined,
): void {
  const expiresAt = (pem: string | undefined) => {
    const der = pem === undefined ? undefined : decodePem(pem)?.bytes;
    return der && certificateExpiresAt(der);
  };
  watch.watch("enrollment", enrollmentExpiresAt);
  watch.watch("server TLS", expiresAt(tls?.server.certificate));
  if (tls && tls.client.certificate !== tls.server.certificate) {
    watch.watch("client TLS", expiresAt(tls.client.certificate));
  }
}

/** Watches who signs the blocks: gives what is to be called with each block. */
export function watchBlockSigners(watch: ExpiryWatch): (block: Block) => void {
  let last: Uint8Array = emptyBytes;
  return (block) => {
    const identity = blockSignatures(block)[0]?.identity ?? emptyBytes;
    if (equal(identity, last)) return;
    last = identity;
    const name = hex(sha256(identity)).slice(0, 8);
    watch.watch(`orderer's enrollment (${name})`, identityExpiresAt(identity));
  };
}
