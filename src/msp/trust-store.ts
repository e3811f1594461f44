/**
 * The certificate authorities an MSP trusts and the one path that leads to them.
 * Mirrors the CA part of msp/mspimplsetup.go and the chain functions of msp/mspimpl.go.
 */
import { concat } from "../base/bytes.ts";
import { type Certificate, parseCertificate } from "../crypto/certificate.ts";
import { isEcdsaAlgorithm } from "../crypto/certificate-signature.ts";
import { decodePem } from "../crypto/pem.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import { certificatePaths, CertificatePool } from "./certificate-path.ts";
import type { HashFunction } from "./hash-family.ts";
import { mspError, within } from "./msp-error.ts";
import { withLowS } from "./sanitize.ts";

/** A path is judged this long after the certificate's own begin, so that expiry never breaks it. */
const afterNotBeforeMs = 1000;

/** The certificate of a PEM file of a configuration. @throws DenimError `bad-msp-config` */
export function certificateFromPem(pem: Uint8Array): Certificate {
  const block = decodePem(pem);
  if (!block) {
    throw mspError("bad-msp-config", "getCertFromPem error: could not decode pem bytes");
  }
  return within(
    "bad-msp-config",
    "getCertFromPem error: failed to parse x509 cert",
    () => parseCertificate(block.bytes),
  );
}

/** Name of a certificate in error texts, as Fabric prints the serial number. */
export function serialText(certificate: Certificate): string {
  return certificate.serialHex.replace(/^0+(?=.)/, "");
}

/** The single path of a certificate. @throws DenimError `invalid-identity` where there is none or several */
export function uniquePath(
  certificate: Certificate,
  roots: CertificatePool,
  intermediates: CertificatePool,
  provider: EcdsaProvider,
  at: number = certificate.notBefore + afterNotBeforeMs,
): readonly Certificate[] {
  const paths = within(
    "invalid-identity",
    "the supplied identity is not valid",
    () => certificatePaths(certificate, { roots, intermediates, at, provider }),
  );
  if (paths.length !== 1) {
    throw mspError(
      "invalid-identity",
      `this MSP only supports a single validation chain, got ${paths.length}`,
    );
  }
  return paths[0];
}

export class TrustStore {
  readonly roots: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** Authorities that stand above another one; they must not sign members. */
  readonly #inner = new Set<Certificate>();
  #rootPool: CertificatePool;
  #intermediatePool: CertificatePool;

  /** @throws DenimError `bad-msp-config`, `invalid-identity` */
  constructor(
    rootPems: readonly Uint8Array[],
    intermediatePems: readonly Uint8Array[],
    readonly provider: EcdsaProvider,
    readonly hash: HashFunction,
  ) {
    if (rootPems.length === 0) {
      throw mspError("bad-msp-config", "expected at least one CA certificate");
    }
    const roots = rootPems.map(certificateFromPem);
    const intermediates = intermediatePems.map(certificateFromPem);
    // First as they are, so that they can be sanitized against each other; then sanitized.
    this.#rootPool = new CertificatePool(roots);
    this.#intermediatePool = new CertificatePool(intermediates);
    this.roots = roots.map((one) => this.sanitize(one).certificate);
    this.intermediates = intermediates.map((one) => this.sanitize(one).certificate);
    this.#rootPool = new CertificatePool(this.roots);
    this.#intermediatePool = new CertificatePool(this.intermediates);
  }

  /** Call once the authorities were checked: finds those that stand above others. */
  markInnerAuthorities(): void {
    const all = [...this.roots, ...this.intermediates];
    for (const intermediate of this.intermediates) {
      const path = within(
        "bad-msp-config",
        `failed getting validation chain, (SN: ${serialText(intermediate)})`,
        () => this.path(intermediate),
      );
      for (const above of path.slice(1)) {
        for (const one of all) if (sameCertificate(one, above)) this.#inner.add(one);
      }
    }
  }

  /** The single path from `certificate` up to a root. @throws DenimError `invalid-identity` */
  path(certificate: Certificate): readonly Certificate[] {
    return uniquePath(certificate, this.#rootPool, this.#intermediatePool, this.provider);
  }

  /**
   * The path of a member (or, with `ofAuthority`, of an intermediate authority), whose issuer must
   * be a leaf of the certification tree. @throws DenimError `invalid-identity`
   */
  validationPath(
    certificate: Certificate,
    ofAuthority = false,
    known?: readonly Certificate[],
  ): readonly Certificate[] {
    const path = known ??
      within("invalid-identity", "failed getting validation chain", () => this.path(certificate));
    if (path.length < 2) {
      throw mspError(
        "invalid-identity",
        `expected a chain of length at least 2, got ${path.length}`,
      );
    }
    const judged = path[ofAuthority ? 0 : 1];
    for (const inner of this.#inner) {
      if (sameCertificate(inner, judged)) {
        throw mspError(
          "invalid-identity",
          "invalid validation chain. Parent certificate should be a leaf of the certification tree",
          { subject: certificate.commonName },
        );
      }
    }
    return path;
  }

  /**
   * The certificate with low S (only ECDSA-signed ones are touched, and they need a path) and the
   * path that was found on the way. @throws DenimError `invalid-identity`
   */
  sanitize(
    certificate: Certificate,
  ): { certificate: Certificate; path: readonly Certificate[] | undefined } {
    if (!isEcdsaAlgorithm(certificate.signatureAlgorithm)) return { certificate, path: undefined };
    const path = this.path(certificate);
    const curve = (path.length === 1 ? certificate : path[1]).publicKey?.curve;
    if (!curve) {
      throw mspError("invalid-identity", "the parent certificate's key is not supported");
    }
    const low = within("invalid-identity", "", () => withLowS(certificate, curve));
    return { certificate: low, path: low === certificate ? path : [low, ...path.slice(1)] };
  }

  /** Hash over certificates one after the other: Fabric's certifiers identifier. */
  identifierOf(path: readonly Certificate[]): Uint8Array {
    return this.hash(concat(...path.map((one) => one.raw)));
  }

  /** The certifiers identifier of an authority named by its PEM. @throws DenimError `bad-msp-config` */
  identifierOfAuthority(pem: Uint8Array): Uint8Array {
    const certificate = within(
      "bad-msp-config",
      "Failed getting certificate",
      () => certificateFromPem(pem),
    );
    const clean = within("bad-msp-config", "sanitizeCert failed", () => this.sanitize(certificate));
    const wanted = clean.certificate;
    if (this.roots.some((one) => sameCertificate(one, wanted))) return this.identifierOf([wanted]);
    if (!this.intermediates.some((one) => sameCertificate(one, wanted))) {
      throw mspError(
        "bad-msp-config",
        `Failed adding OU. Certificate [${wanted.commonName}] not in root or intermediate certs.`,
      );
    }
    return this.identifierOf(within(
      "bad-msp-config",
      `Failed computing validation chain for [${wanted.commonName}]`,
      () => this.validationPath(wanted, true),
    ));
  }
}

export function sameCertificate(a: Certificate, b: Certificate): boolean {
  return a === b || (a.raw.length === b.raw.length && a.raw.every((byte, i) => byte === b.raw[i]));
}
