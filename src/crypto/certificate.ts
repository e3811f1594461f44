/**
 * X.509 certificates as an MSP needs them. Accepts and refuses what Go's x509.ParseCertificate does,
 * for the fields that are read here.
 */
import { DenimError, messageOf } from "../base/errors.ts";
import { hex, strictText } from "../base/bytes.ts";
import {
  bitStringOctets,
  type DerElement,
  DerReader,
  integerContent,
  oidText,
  smallInteger,
  tag,
} from "./der.ts";
import { ecPublicKeyFromSpki } from "./ec-key.ts";
import type { EcPublicKey } from "./types.ts";

export interface CertificateExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

export interface Certificate {
  /** The whole certificate, DER. */
  readonly raw: Uint8Array;
  /** What the issuer signed. */
  readonly rawTbs: Uint8Array;
  readonly rawSubject: Uint8Array;
  readonly rawIssuer: Uint8Array;
  readonly spki: Uint8Array;
  readonly version: number;
  /** Content octets of the serial INTEGER. */
  readonly serial: Uint8Array;
  readonly serialHex: string;
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly commonName: string;
  readonly organizationalUnits: readonly string[];
  /** Undefined where the key is not ECDSA on a supported curve; `keyProblem` says why. */
  readonly publicKey: EcPublicKey | undefined;
  readonly keyProblem: string | undefined;
  readonly extensions: readonly CertificateExtension[];
  readonly basicConstraintsValid: boolean;
  readonly isCa: boolean;
  /** Undefined: no limit. */
  readonly maxPathLength: number | undefined;
  /** Undefined: no key usage extension. */
  readonly keyUsage: { readonly certSign: boolean; readonly digitalSignature: boolean } | undefined;
  readonly extendedKeyUsages: readonly string[];
  readonly subjectKeyId: Uint8Array | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  /** Critical extensions that nobody here understands. */
  readonly unhandledCritical: readonly string[];
}

const attribute = { commonName: "2.5.4.3", organizationalUnit: "2.5.4.11" };
/** Extensions Go reads; a critical one outside this list makes a chain invalid. */
const understood = new Set([
  "2.5.29.14",
  "2.5.29.15",
  "2.5.29.17",
  "2.5.29.19",
  "2.5.29.31",
  "2.5.29.32",
  "2.5.29.35",
  "2.5.29.37",
  "1.3.6.1.5.5.7.1.1",
]);

/** Milliseconds of a UTCTime or GeneralizedTime. @throws DenimError `bad-der` */
export function timeValue(element: DerElement): number {
  const digits = String.fromCharCode(...element.content.subarray(0, 24));
  const utc = element.tag === tag.utcTime;
  const pattern = utc
    ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(Z|[+-]\d{4})$/
    : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(Z|[+-]\d{4})$/;
  const match = pattern.exec(digits);
  if (!match || (!utc && element.tag !== tag.generalizedTime)) {
    throw new DenimError("bad-der", "malformed DER: unreadable time", { digits });
  }
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) =>
    Number(part ?? 0)
  );
  const fullYear = utc ? (year >= 50 ? 1900 + year : 2000 + year) : year;
  const zone = match[7];
  const offset = zone === "Z"
    ? 0
    : (zone[0] === "-" ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3)));
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month - 1 || hour > 23) {
    throw new DenimError("bad-der", "malformed DER: impossible time", { digits });
  }
  return date.getTime() - offset * 60_000;
}

function stringValue(element: DerElement): string | undefined {
  switch (element.tag) {
    case tag.utf8String:
    case tag.printableString:
    case tag.ia5String:
    case tag.numericString:
    case tag.generalString:
      return strictText(element.content);
    case tag.t61String:
      return Array.from(element.content, (byte) => String.fromCharCode(byte)).join("");
    case tag.bmpString: {
      let value = "";
      for (let i = 0; i + 1 < element.content.length; i += 2) {
        value += String.fromCharCode(element.content[i] * 256 + element.content[i + 1]);
      }
      return value;
    }
    default:
      return undefined;
  }
}

function readName(raw: Uint8Array): { commonName: string; organizationalUnits: string[] } {
  const organizationalUnits: string[] = [];
  let commonName = "";
  const names = new DerReader(raw).enter(tag.sequence, "name");
  while (!names.done) {
    const group = names.enter(tag.set, "relative name");
    while (!group.done) {
      const pair = group.enter(tag.sequence, "name attribute");
      const type = oidText(pair.next(tag.oid, "name attribute").content);
      const value = stringValue(pair.next(undefined, "name value"));
      if (value === undefined) continue;
      if (type === attribute.commonName) commonName = value;
      if (type === attribute.organizationalUnit) organizationalUnits.push(value);
    }
  }
  return { commonName, organizationalUnits };
}

function readExtensions(reader: DerReader): CertificateExtension[] {
  const list: CertificateExtension[] = [];
  while (!reader.done) {
    const one = reader.enter(tag.sequence, "extension");
    const oid = oidText(one.next(tag.oid, "extension").content);
    if (list.some((known) => known.oid === oid)) {
      throw new DenimError("bad-der", "certificate contains duplicate extensions", { oid });
    }
    const critical = one.optional(tag.boolean)?.content[0] === 0xff;
    list.push({ oid, critical, value: one.next(tag.octetString, "extension value").content });
  }
  return list;
}

/** The key identifier of an AuthorityKeyIdentifier extension, undefined where it has none. */
export function authorityKeyIdOf(value: Uint8Array): Uint8Array | undefined {
  return new DerReader(value).enter(tag.sequence, "authority key id").optional(0x80)?.content;
}

function readKnown(extensions: readonly CertificateExtension[]) {
  const value = (oid: string) => extensions.find((one) => one.oid === oid)?.value;
  const constraintsDer = value("2.5.29.19");
  let isCa = false;
  let maxPathLength: number | undefined;
  if (constraintsDer) {
    const constraints = new DerReader(constraintsDer).enter(tag.sequence, "basic constraints");
    isCa = constraints.optional(tag.boolean)?.content[0] === 0xff;
    const length = constraints.optional(tag.integer);
    maxPathLength = length && smallInteger(length, "path length");
  }
  const usageDer = value("2.5.29.15");
  const usage = usageDer && new DerReader(usageDer).next(tag.bitString, "key usage").content;
  const extendedDer = value("2.5.29.37");
  const extendedKeyUsages: string[] = [];
  if (extendedDer) {
    const list = new DerReader(extendedDer).enter(tag.sequence, "extended key usage");
    while (!list.done) extendedKeyUsages.push(oidText(list.next(tag.oid).content));
  }
  const subjectKeyDer = value("2.5.29.14");
  const authorityKeyDer = value("2.5.29.35");
  return {
    basicConstraintsValid: constraintsDer !== undefined,
    isCa,
    maxPathLength,
    keyUsage: usage &&
      { digitalSignature: (usage[1] & 0x80) !== 0, certSign: (usage[1] & 0x04) !== 0 },
    extendedKeyUsages,
    subjectKeyId: subjectKeyDer &&
      new DerReader(subjectKeyDer).next(tag.octetString, "subject key id").content,
    authorityKeyId: authorityKeyDer && authorityKeyIdOf(authorityKeyDer),
    unhandledCritical: extensions.filter((one) => one.critical && !understood.has(one.oid))
      .map((one) => one.oid),
  };
}

function readKey(spki: Uint8Array): Pick<Certificate, "publicKey" | "keyProblem"> {
  try {
    return { publicKey: ecPublicKeyFromSpki(spki), keyProblem: undefined };
  } catch (thrown) {
    return { publicKey: undefined, keyProblem: messageOf(thrown) };
  }
}

/** @throws DenimError `bad-certificate` */
export function parseCertificate(der: Uint8Array): Certificate {
  try {
    return parse(der);
  } catch (cause) {
    throw new DenimError("bad-certificate", `x509: ${messageOf(cause)}`, {}, undefined, { cause });
  }
}

function parse(der: Uint8Array): Certificate {
  const file = new DerReader(der);
  const outer = file.enter(tag.sequence, "certificate");
  file.end("certificate");
  const tbsElement = outer.next(tag.sequence, "TBSCertificate");
  const outerAlgorithm = outer.next(tag.sequence, "signature algorithm");
  const signature = bitStringOctets(outer.next(tag.bitString, "signature"), "signature");
  const tbs = new DerReader(tbsElement.content);
  const versionElement = tbs.optional(0xa0);
  const version = versionElement
    ? smallInteger(new DerReader(versionElement.content).next(tag.integer, "version")) + 1
    : 1;
  if (version > 3) throw new DenimError("bad-der", `unknown certificate version ${version}`);
  const serial = integerContent(tbs.next(tag.integer, "serial number"), "serial number");
  const innerAlgorithm = tbs.next(tag.sequence, "signature algorithm");
  if (hex(innerAlgorithm.raw) !== hex(outerAlgorithm.raw)) {
    throw new DenimError("bad-der", "inner and outer signature algorithms differ");
  }
  const rawIssuer = tbs.next(tag.sequence, "issuer").raw;
  const validity = tbs.enter(tag.sequence, "validity");
  const notBefore = timeValue(validity.next(undefined, "notBefore"));
  const notAfter = timeValue(validity.next(undefined, "notAfter"));
  const rawSubject = tbs.next(tag.sequence, "subject").raw;
  const spki = tbs.next(tag.sequence, "public key").raw;
  tbs.optional(0x81);
  tbs.optional(0x82);
  const extensionsElement = tbs.optional(0xa3);
  const extensions = extensionsElement
    ? readExtensions(new DerReader(extensionsElement.content).enter(tag.sequence, "extensions"))
    : [];
  const algorithm = new DerReader(outerAlgorithm.content).next(tag.oid, "signature algorithm");
  readName(rawIssuer);
  return {
    raw: der,
    rawTbs: tbsElement.raw,
    rawSubject,
    rawIssuer,
    spki,
    version,
    serial,
    serialHex: hex(serial),
    signatureAlgorithm: oidText(algorithm.content),
    signature,
    notBefore,
    notAfter,
    ...readName(rawSubject),
    ...readKey(spki),
    extensions,
    ...readKnown(extensions),
  };
}
