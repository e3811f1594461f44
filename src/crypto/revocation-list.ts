/** Certificate revocation lists, as Go's x509.ParseCRL reads them (PEM or DER). */
import { DenimError, messageOf } from "../base/errors.ts";
import { hex } from "../base/bytes.ts";
import { authorityKeyIdOf } from "./certificate.ts";
import { bitStringOctets, DerReader, integerContent, oidText, tag } from "./der.ts";
import { decodePem } from "./pem.ts";

export interface RevocationList {
  readonly rawTbs: Uint8Array;
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
  /** Hex of the serial INTEGER's content, as `Certificate.serialHex`. */
  readonly revokedSerials: ReadonlySet<string>;
  /** Undefined where the list has no authority key identifier. */
  readonly authorityKeyId: Uint8Array | undefined;
  readonly hasAuthorityKeyId: boolean;
}

/** @throws DenimError `bad-revocation-list` */
export function parseRevocationList(source: Uint8Array): RevocationList {
  try {
    const block = source[0] === 0x2d ? decodePem(source) : undefined;
    return parse(block?.type === "X509 CRL" ? block.bytes : source);
  } catch (cause) {
    throw new DenimError(
      "bad-revocation-list",
      `revocation list: ${messageOf(cause)}`,
      {},
      "Expected a CRL in PEM (X509 CRL) or DER.",
      { cause },
    );
  }
}

function parse(der: Uint8Array): RevocationList {
  const file = new DerReader(der);
  const outer = file.enter(tag.sequence, "certificate list");
  file.end("certificate list");
  const tbsElement = outer.next(tag.sequence, "TBSCertList");
  const algorithm = outer.enter(tag.sequence, "signature algorithm");
  const signature = bitStringOctets(outer.next(tag.bitString, "signature"), "signature");
  const tbs = new DerReader(tbsElement.content);
  tbs.optional(tag.integer);
  tbs.next(tag.sequence, "signature algorithm");
  tbs.next(tag.sequence, "issuer");
  tbs.next(undefined, "thisUpdate");
  if (tbs.peek() === tag.utcTime || tbs.peek() === tag.generalizedTime) tbs.next();
  const revoked = tbs.optional(tag.sequence);
  const revokedSerials = new Set<string>();
  if (revoked) {
    const entries = new DerReader(revoked.content);
    while (!entries.done) {
      const entry = entries.enter(tag.sequence, "revoked certificate");
      revokedSerials.add(hex(integerContent(entry.next(tag.integer, "serial number"))));
    }
  }
  let authorityKeyId: Uint8Array | undefined;
  let hasAuthorityKeyId = false;
  const extensions = tbs.optional(0xa0);
  if (extensions) {
    const list = new DerReader(extensions.content).enter(tag.sequence, "extensions");
    while (!list.done) {
      const one = list.enter(tag.sequence, "extension");
      const id = oidText(one.next(tag.oid, "extension").content);
      one.optional(tag.boolean);
      const value = one.next(tag.octetString, "extension value").content;
      if (id !== "2.5.29.35" || hasAuthorityKeyId) continue;
      hasAuthorityKeyId = true;
      authorityKeyId = authorityKeyIdOf(value);
    }
  }
  return {
    rawTbs: tbsElement.raw,
    signatureAlgorithm: oidText(algorithm.next(tag.oid, "signature algorithm").content),
    signature,
    revokedSerials,
    authorityKeyId,
    hasAuthorityKeyId,
  };
}
