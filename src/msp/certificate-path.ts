/**
 * Certification paths as Go's x509.Certificate.Verify builds them: every path from a certificate
 * through intermediates to a trusted root, valid at one moment and for server authentication (the
 * usage Go checks when none is asked for, which is what Fabric's MSP relies on).
 */
import { equal, hex } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import type { Certificate } from "../crypto/certificate.ts";
import { checkSignature } from "../crypto/certificate-signature.ts";
import type { EcdsaProvider } from "../crypto/types.ts";

/** Signature checks in one path search; bounds the time of hostile certificate sets, as Go does. */
const maxSignatureChecks = 100;

const serverAuthUsages = new Set([
  "1.3.6.1.5.5.7.3.1",
  "2.16.840.1.113730.4.1", // Netscape server gated crypto
  "1.3.6.1.4.1.311.10.3.3", // Microsoft server gated crypto
]);
const anyUsage = "2.5.29.37.0";

/** A set of certificates, found by subject. */
export class CertificatePool {
  readonly #bySubject = new Map<string, Certificate[]>();

  constructor(certificates: readonly Certificate[]) {
    for (const certificate of certificates) {
      if (this.has(certificate)) continue;
      const subject = hex(certificate.rawSubject);
      const same = this.#bySubject.get(subject);
      if (same) same.push(certificate);
      else this.#bySubject.set(subject, [certificate]);
    }
  }

  has(certificate: Certificate): boolean {
    const same = this.#bySubject.get(hex(certificate.rawSubject));
    return same?.some((one) => equal(one.raw, certificate.raw)) ?? false;
  }

  /** Certificates whose subject is the issuer of `child`. */
  parentsOf(child: Certificate): readonly Certificate[] {
    return this.#bySubject.get(hex(child.rawIssuer)) ?? [];
  }
}

export interface PathOptions {
  readonly roots: CertificatePool;
  readonly intermediates: CertificatePool;
  /** The moment at which all certificates of the path must be valid, milliseconds. */
  readonly at: number;
  readonly provider: EcdsaProvider;
}

function invalid(reason: string): DenimError<"invalid-path"> {
  return new DenimError("invalid-path", `x509: ${reason}`);
}

function checkValidity(certificate: Certificate, at: number): void {
  if (at < certificate.notBefore || at > certificate.notAfter) {
    throw invalid("certificate has expired or is not yet valid");
  }
}

function checkUnderstood(certificate: Certificate): void {
  if (certificate.unhandledCritical.length > 0) throw invalid("unhandled critical extension");
}

/** May `parent` stand above `path` and did it sign its last certificate? */
function checkParent(
  path: readonly Certificate[],
  parent: Certificate,
  options: PathOptions,
): void {
  const child = path[path.length - 1];
  const canSign = parent.version < 3
    ? !parent.basicConstraintsValid || parent.isCa
    : parent.basicConstraintsValid && parent.isCa;
  if (!canSign || (parent.keyUsage && !parent.keyUsage.certSign)) {
    throw invalid("invalid signature: parent certificate cannot sign this kind of certificate");
  }
  const signed = checkSignature(
    parent,
    child.signatureAlgorithm,
    child.rawTbs,
    child.signature,
    options.provider,
  );
  if (!signed) throw invalid(parent.publicKey ? "ECDSA verification failure" : "signature failure");
  checkUnderstood(parent);
  checkValidity(parent, options.at);
  // path holds the leaf, which does not count as an intermediate.
  if (parent.maxPathLength !== undefined && path.length - 1 > parent.maxPathLength) {
    throw invalid("too many intermediates for path length constraint");
  }
}

function allowsServerAuth(path: readonly Certificate[]): boolean {
  return path.every(({ extendedKeyUsages: usages }) =>
    usages.length === 0 || usages.some((usage) => usage === anyUsage || serverAuthUsages.has(usage))
  );
}

/**
 * All paths from `leaf` to a root, `leaf` first. At least one.
 * @throws DenimError `invalid-path` with Go's reason
 */
export function certificatePaths(leaf: Certificate, options: PathOptions): Certificate[][] {
  checkUnderstood(leaf);
  checkValidity(leaf, options.at);
  const paths: Certificate[][] = [];
  let checks = 0;
  let hint = "";
  const extend = (path: readonly Certificate[]) => {
    const child = path[path.length - 1];
    const consider = (parent: Certificate, isRoot: boolean) => {
      if (path.some((one) => equal(one.raw, parent.raw))) return;
      if (++checks > maxSignatureChecks) {
        throw invalid("signature check attempts limit reached while verifying certificate chain");
      }
      try {
        checkParent(path, parent, options);
      } catch (thrown) {
        hint = ` (possibly because of "${
          (thrown as Error).message
        }" while trying to verify candidate authority certificate "${parent.commonName}")`;
        return;
      }
      if (isRoot) paths.push([...path, parent]);
      else extend([...path, parent]);
    };
    for (const parent of options.roots.parentsOf(child)) consider(parent, true);
    for (const parent of options.intermediates.parentsOf(child)) consider(parent, false);
  };
  if (options.roots.has(leaf)) paths.push([leaf]);
  else extend([leaf]);
  if (paths.length === 0) throw invalid(`certificate signed by unknown authority${hint}`);
  const usable = paths.filter(allowsServerAuth);
  if (usable.length === 0) throw invalid("certificate specifies an incompatible key usage");
  return usable;
}
