/** Was a certificate revoked by the authority that signed it? Mirrors validateCertAgainstChain. */
import { equal } from "../base/bytes.ts";
import type { Certificate } from "../crypto/certificate.ts";
import { checkSignature } from "../crypto/certificate-signature.ts";
import type { RevocationList } from "../crypto/revocation-list.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import { mspError } from "./msp-error.ts";

/**
 * @param path the certificate, its issuer, … @throws DenimError `invalid-identity`
 * Revocation counts from the moment the list is configured, whatever date it carries.
 */
export function checkNotRevoked(
  path: readonly Certificate[],
  lists: readonly RevocationList[],
  provider: EcdsaProvider,
): void {
  const [certificate, issuer] = path;
  if (!issuer?.subjectKeyId) {
    throw mspError(
      "invalid-identity",
      "could not obtain Subject Key Identifier for signer cert: subjectKeyIdentifier not found in certificate",
    );
  }
  for (const list of lists) {
    if (!list.hasAuthorityKeyId) {
      throw mspError(
        "invalid-identity",
        "could not obtain Authority Key Identifier for crl: authorityKeyIdentifier not found in certificate",
      );
    }
    if (!equal(list.authorityKeyId ?? new Uint8Array(0), issuer.subjectKeyId)) continue;
    if (!list.revokedSerials.has(certificate.serialHex)) continue;
    // A list that only claims this authority, without its signature, is skipped.
    if (checkSignature(issuer, list.signatureAlgorithm, list.rawTbs, list.signature, provider)) {
      throw mspError("invalid-identity", "The certificate has been revoked", {
        serial: certificate.serialHex,
      });
    }
  }
}
