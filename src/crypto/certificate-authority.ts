/**
 * The certificate authority a peer keeps in memory for its chaincode listener: one server
 * certificate, and one client certificate per launched chaincode.
 * Mirrors common/crypto/tlsgen and the key generation of core/chaincode/accesscontrol.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import {
  generateKeyPair,
  type Issuer,
  type KeyPair,
  writeCertificate,
} from "./certificate-writer.ts";
import { hex } from "../base/bytes.ts";
import { randomBytes } from "node:crypto";

const hourMs = 3_600_000;
/** Certificates are valid from a day ago, so that small clock differences do no harm. */
const backdateMs = 24 * hourMs;
const clientValidityMs = 24 * hourMs;
const authorityValidityMs = 10 * 365 * 24 * hourMs;

/** A certificate and its private key as TLS wants them. */
export interface TlsKeyPair {
  readonly certPem: string;
  /** PKCS#8 (`PRIVATE KEY`). */
  readonly keyPem: string;
  readonly certDer: Uint8Array<ArrayBuffer>;
}

export interface CertificateAuthority {
  /** The authority's own certificate: what both sides of the chaincode stream trust. */
  readonly certificatePem: string;
  readonly certificateDer: Uint8Array<ArrayBuffer>;
  /** A client certificate, valid from a day ago until tomorrow. */
  newClientKeyPair(): Promise<TlsKeyPair>;
  /** A server (and client) certificate for DNS names and IP addresses, valid ten years. */
  newServerKeyPair(hosts: readonly string[]): Promise<TlsKeyPair>;
}

/** A fresh self-signed authority. The key never leaves memory. */
export function createCertificateAuthority(
  options: { clock?: Clock } = {},
): Promise<CertificateAuthority> {
  const clock = options.clock ?? systemClock;
  const fresh = () => {
    const serial = new Uint8Array(randomBytes(16));
    return { serial, subject: { serialNumber: BigInt(`0x${hex(serial)}`).toString() } };
  };
  const keys = generateKeyPair();
  const { serial, subject } = fresh();
  const own = writeCertificate({
    subject,
    serial,
    notBefore: clock.now() - backdateMs,
    notAfter: clock.now() + authorityValidityMs,
    isCa: true,
    keyUsage: ["digitalSignature", "keyEncipherment", "keyCertSign", "crlSign"],
  }, keys);
  const issuer: Issuer = { name: subject, keys };

  const issue = (server: boolean, hosts: readonly string[]): TlsKeyPair => {
    const subjectKeys: KeyPair = generateKeyPair();
    const now = clock.now();
    const written = writeCertificate(
      {
        ...fresh(),
        notBefore: now - backdateMs,
        notAfter: now + (server ? authorityValidityMs : clientValidityMs),
        keyUsage: ["digitalSignature", "keyEncipherment"],
        extendedKeyUsage: server ? ["clientAuth", "serverAuth"] : ["clientAuth"],
        hosts,
      },
      subjectKeys,
      issuer,
    );
    return { certPem: written.pem, certDer: written.der, keyPem: subjectKeys.keyPem };
  };

  return Promise.resolve({
    certificatePem: own.pem,
    certificateDer: own.der,
    newClientKeyPair: () => Promise.resolve(issue(false, [])),
    newServerKeyPair: (hosts) => Promise.resolve(issue(true, hosts)),
  });
}
