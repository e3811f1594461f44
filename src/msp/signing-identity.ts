/**
 * The identity that signs, from an MSP directory: signcerts and the key in keystore that belongs
 * to it. Light on purpose, since the command line does it on every start.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { equal, hex, text } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { type Certificate, parseCertificate } from "../crypto/certificate.ts";
import { isEcdsaAlgorithm } from "../crypto/certificate-signature.ts";
import { curves, decodeSignature, isLowS } from "../crypto/ecdsa-signature.ts";
import { sha256 } from "../crypto/hash.ts";
import { decodePem, encodePem } from "../crypto/pem.ts";
import type { EcdsaProvider, EcPublicKey, Signer } from "../crypto/types.ts";
import { mspFolder, readPemFolder, requirePemFolder } from "./directory.ts";
import { mspError, within } from "./msp-error.ts";
import { withLowS } from "./sanitize.ts";
import { serializeIdentity } from "./serialized-identity.ts";
import type { SigningIdentity } from "./types.ts";

/** A signing identity with what its owner may ask for besides signing. */
export interface LocalSigningIdentity extends SigningIdentity {
  /** DER of the certificate that peers see. */
  readonly certificate: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Frees the key's native handle. */
  close(): void;
}

/** A signing identity over a signer and its certificate (PEM or DER). */
export function createSigningIdentity(
  mspId: string,
  certificate: Uint8Array | string,
  signer: Signer,
): LocalSigningIdentity {
  const pem = decodePem(certificate);
  const der = pem?.bytes ?? (typeof certificate === "string" ? new Uint8Array(0) : certificate);
  const { notAfter } = parseCertificate(der);
  return {
    mspId,
    serialized: serializeIdentity(mspId, encodePem("CERTIFICATE", der)),
    certificate: der,
    expiresAt: notAfter,
    sign: (...message) => signer.sign(sha256(...message)),
    close: () => signer.close?.(),
  };
}

/**
 * Reads signcerts and keystore of an MSP directory.
 * @throws DenimError `bad-msp-directory` naming what is missing, `bad-msp-config` when expired
 */
export function loadSigningIdentity(
  directory: string,
  mspId: string,
  provider: EcdsaProvider,
  options: {
    readonly clock?: Clock;
    /** Folder of private keys in place of the directory's own; `""` for that. */
    readonly keyStore?: string;
  } = {},
): LocalSigningIdentity {
  const [file] = requirePemFolder(directory, mspFolder.signCerts, "signer certificate");
  const certificate = within(
    "bad-msp-directory",
    `could not load the signer certificate ${file.path}`,
    () => parseCertificate(decodePem(file.bytes)?.bytes ?? new Uint8Array(0)),
  );
  const { publicKey } = certificate;
  if (!publicKey) {
    throw mspError(
      "bad-msp-directory",
      `could not load the signer certificate ${file.path}: ${certificate.keyProblem}`,
      { path: file.path },
    );
  }
  const overdue = (options.clock ?? systemClock).now() - certificate.notAfter;
  if (overdue >= 0) {
    throw mspError(
      "bad-msp-config",
      `signing identity expired ${Math.round(overdue / 1000)}s ago`,
      { path: file.path, notAfter: new Date(certificate.notAfter).toISOString() },
      "Enroll the identity again and replace signcerts and keystore.",
    );
  }
  const keyStore = options.keyStore || join(directory, mspFolder.keystore);
  const signer = findKey(keyStore, publicKey, file.path, provider);
  return createSigningIdentity(mspId, sanitized(certificate, directory).raw, signer);
}

/** The keystore's private key of a public key: by its file name first, then by trying every file. */
function findKey(
  keystore: string,
  publicKey: EcPublicKey,
  certificatePath: string,
  provider: EcdsaProvider,
): Signer {
  let names: string[];
  try {
    names = readdirSync(keystore).sort();
  } catch (thrown) {
    throw mspError(
      "bad-msp-directory",
      `could not read the keystore ${keystore}: ${messageOf(thrown)}`,
      { path: keystore },
      "The MSP directory of a signing identity needs a keystore folder with its private key.",
    );
  }
  const expected = `${hex(sha256(publicKey.point))}_sk`;
  const unreadable: string[] = [];
  for (const name of [...names.filter((one) => one === expected), ...names]) {
    let signer: Signer;
    try {
      signer = provider.signerFromPem(text(readFileSync(join(keystore, name))));
    } catch (thrown) {
      unreadable.push(`${name}: ${messageOf(thrown)}`);
      continue;
    }
    if (equal(signer.publicKey.point, publicKey.point)) return signer;
    signer.close?.();
  }
  throw new DenimError(
    "bad-msp-directory",
    `no private key in ${keystore} belongs to the certificate ${certificatePath}`,
    { path: keystore, expected, files: names, unreadable },
    `Put the key into ${join(keystore, expected)}.`,
  );
}

/** With low S, where the authority that signed it lies beside; Fabric serializes identities like that. */
function sanitized(certificate: Certificate, directory: string): Certificate {
  if (!isEcdsaAlgorithm(certificate.signatureAlgorithm)) return certificate;
  try {
    const { s } = decodeSignature(certificate.signature);
    if (isLowS(s, curves["P-256"].halfOrder)) return certificate;
    for (const folder of [mspFolder.caCerts, mspFolder.intermediateCerts]) {
      for (const { bytes } of readPemFolder(join(directory, folder)) ?? []) {
        const authority = parseCertificate(decodePem(bytes)?.bytes ?? bytes);
        if (!equal(authority.rawSubject, certificate.rawIssuer) || !authority.publicKey) continue;
        return withLowS(certificate, authority.publicKey.curve);
      }
    }
  } catch {
    // A certificate beside it that cannot be read does not keep the identity from signing.
  }
  return certificate;
}
