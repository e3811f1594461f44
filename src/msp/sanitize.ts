/** Certificates whose ECDSA signature has high S are rewritten with low S. Mirrors msp/cert.go. */
import { bitString, DerReader, sequence, tag } from "../crypto/der.ts";
import { type Certificate, parseCertificate } from "../crypto/certificate.ts";
import { toLowS } from "../crypto/ecdsa-signature.ts";
import type { CurveName } from "../crypto/types.ts";

/** The same certificate with low S; itself where nothing has to change. `curve` is the issuer's. */
export function withLowS(certificate: Certificate, curve: CurveName): Certificate {
  const low = toLowS(certificate.signature, curve);
  if (low === certificate.signature) return certificate;
  const outer = new DerReader(certificate.raw).enter(tag.sequence, "certificate");
  const tbs = outer.next(tag.sequence, "TBSCertificate");
  const algorithm = outer.next(tag.sequence, "signature algorithm");
  return parseCertificate(sequence(tbs.raw, algorithm.raw, bitString(low)));
}
