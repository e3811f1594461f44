/** Writes X.509 v3 certificates for development networks and for the peer's chaincode TLS CA. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { isIP, isIPv4 } from "node:net";
import { utf8 } from "../base/bytes.ts";
import {
  bitString,
  boolean,
  explicit,
  implicit,
  octetString,
  oid,
  printableString,
  sequence,
  set,
  time,
  unsignedInteger,
  utf8String,
} from "./der.ts";
import { ecPublicKeyFromSpki } from "./ec-key.ts";
import { toLowS } from "./ecdsa-signature.ts";
import { sha256 } from "./hash.ts";
import { encodePem } from "./pem.ts";
import type { CurveName } from "./types.ts";

/** Distinguished name attributes; each becomes one RDN in Go's order (C, O, OU, L, ST, CN, serialNumber). */
export interface DistinguishedName {
  readonly country?: string;
  readonly organization?: string;
  readonly organizationalUnits?: readonly string[];
  readonly locality?: string;
  readonly province?: string;
  readonly commonName?: string;
  readonly serialNumber?: string;
}

export type KeyUsage = "digitalSignature" | "keyEncipherment" | "keyCertSign" | "crlSign";
export type ExtendedKeyUsage = "any" | "serverAuth" | "clientAuth";

/** A key pair with the encodings that certificates and files need. */
export interface KeyPair {
  readonly curve: CurveName;
  readonly privateKey: KeyObject;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the uncompressed point: cryptogen's subject key id, and the keystore file name. */
  readonly keyId: Uint8Array<ArrayBuffer>;
  /** PKCS#8. */
  readonly keyPem: string;
}

/** Who signs: the issuer's name, key and subject key id. */
export interface Issuer {
  readonly name: DistinguishedName;
  readonly keys: KeyPair;
}

export interface CertificateTemplate {
  readonly subject: DistinguishedName;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa?: boolean;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage?: readonly ExtendedKeyUsage[];
  /** DNS names and IP addresses, told apart by their form. */
  readonly hosts?: readonly string[];
  /** Positive; 16 random bytes when left out. */
  readonly serial?: Uint8Array;
  /** More extensions, none of them critical; the values are DER, or whatever their readers expect. */
  readonly extensions?: readonly { readonly oid: string; readonly value: Uint8Array }[];
}

export interface WrittenCertificate {
  readonly der: Uint8Array<ArrayBuffer>;
  readonly pem: string;
}

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));
const usageBit: Record<KeyUsage, number> = {
  digitalSignature: 0x80,
  keyEncipherment: 0x20,
  keyCertSign: 0x04,
  crlSign: 0x02,
};
const extendedUsageOid: Record<ExtendedKeyUsage, string> = {
  any: "2.5.29.37.0",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

/** A fresh key pair. */
export function generateKeyPair(curve: CurveName = "P-256"): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
  return keyPairOf(privateKey, publicKey, curve);
}

/** A P-256 key pair from the PEM that `keyPem` gave. @throws Error where it is no such key */
export function readKeyPair(keyPem: string): KeyPair {
  const privateKey = createPrivateKey(keyPem);
  if (privateKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new TypeError("it is no ECDSA key on the curve P-256");
  }
  return keyPairOf(privateKey, createPublicKey(privateKey), "P-256");
}

function keyPairOf(privateKey: KeyObject, publicKey: KeyObject, curve: CurveName): KeyPair {
  const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  const pkcs8 = new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
  return {
    curve,
    privateKey,
    spki,
    keyId: sha256(ecPublicKeyFromSpki(spki).point),
    keyPem: encodePem("PRIVATE KEY", pkcs8),
  };
}

function nameDer(name: DistinguishedName): Uint8Array {
  const rdn = (attribute: string, value: string | undefined) =>
    value === undefined ? [] : [set(sequence(
      oid(attribute),
      /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? printableString(value) : utf8String(value),
    ))];
  return sequence(
    ...rdn("2.5.4.6", name.country),
    ...rdn("2.5.4.8", name.province),
    ...rdn("2.5.4.7", name.locality),
    ...rdn("2.5.4.10", name.organization),
    ...(name.organizationalUnits ?? []).flatMap((unit) => rdn("2.5.4.11", unit)),
    ...rdn("2.5.4.3", name.commonName),
    ...rdn("2.5.4.5", name.serialNumber),
  );
}

function addressOctets(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split(".").map(Number));
  const mapped = address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a, b, c, d) => `${((+a << 8) | +b).toString(16)}:${((+c << 8) | +d).toString(16)}`,
  );
  const [head, tail] = mapped.split("::").map((half) => half === "" ? [] : half.split(":"));
  const groups = tail === undefined
    ? head
    : [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
  return Uint8Array.from(groups.flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  }));
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return critical
    ? sequence(oid(id), boolean(true), octetString(value))
    : sequence(oid(id), octetString(value));
}

function extensions(template: CertificateTemplate, keyId: Uint8Array, issuerKeyId?: Uint8Array) {
  const bits = template.keyUsage.reduce((sum, usage) => sum | usageBit[usage], 0);
  const unused = bits === 0 ? 0 : 31 - Math.clz32(bits & -bits);
  const list = [extension("2.5.29.15", true, bitString(Uint8Array.of(bits), unused))];
  if (template.extendedKeyUsage?.length) {
    const usages = template.extendedKeyUsage.map((usage) => oid(extendedUsageOid[usage]));
    list.push(extension("2.5.29.37", false, sequence(...usages)));
  }
  list.push(
    extension("2.5.29.19", true, template.isCa ? sequence(boolean(true)) : sequence()),
  );
  if (template.isCa) list.push(extension("2.5.29.14", false, octetString(keyId)));
  if (issuerKeyId) list.push(extension("2.5.29.35", false, sequence(implicit(0, issuerKeyId))));
  if (template.hosts?.length) {
    const names = template.hosts.map((host) =>
      isIP(host) ? implicit(7, addressOctets(host)) : implicit(2, utf8(host))
    );
    list.push(extension("2.5.29.17", false, sequence(...names)));
  }
  for (const { oid, value } of template.extensions ?? []) list.push(extension(oid, false, value));
  return explicit(3, sequence(...list));
}

/** ECDSA-with-SHA256 certificate for `keys`, signed by `issuer` (or by itself where left out). */
export function writeCertificate(
  template: CertificateTemplate,
  keys: KeyPair,
  issuer?: Issuer,
): WrittenCertificate {
  const serial = template.serial ?? new Uint8Array(randomBytes(16));
  const tbs = sequence(
    explicit(0, unsignedInteger(Uint8Array.of(2))),
    unsignedInteger(serial),
    ecdsaWithSha256,
    nameDer(issuer?.name ?? template.subject),
    sequence(time(template.notBefore), time(template.notAfter)),
    nameDer(template.subject),
    keys.spki,
    extensions(template, keys.keyId, issuer?.keys.keyId),
  );
  // Low S, so that an MSP takes the certificate as it is instead of rewriting its signature.
  const { privateKey, curve } = issuer?.keys ?? keys;
  const signature = toLowS(new Uint8Array(sign("sha256", tbs, privateKey)), curve);
  const der = sequence(tbs, ecdsaWithSha256, bitString(signature));
  return { der, pem: encodePem("CERTIFICATE", der) };
}
