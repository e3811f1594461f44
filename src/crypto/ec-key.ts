/** EC keys in their encodings: SubjectPublicKeyInfo, PKCS#8 and SEC1. */
import { DenimError } from "../base/errors.ts";
import {
  bitString,
  bitStringOctets,
  DerReader,
  explicit,
  octetString,
  oid,
  oidText,
  sequence,
  smallInteger,
  tag,
  unsignedInteger,
} from "./der.ts";
import { type Curve, curves } from "./ecdsa-signature.ts";
import { decodeAllPem } from "./pem.ts";
import type { CurveName, EcPublicKey } from "./types.ts";

const ecPublicKeyOid = "1.2.840.10045.2.1";

function curveByOid(id: string): Curve | undefined {
  return Object.values(curves).find((curve) => curve.oid === id);
}

/** The EC key of a DER SubjectPublicKeyInfo. @throws DenimError `bad-der`, `unsupported-key` */
export function ecPublicKeyFromSpki(spki: Uint8Array): EcPublicKey {
  const outer = new DerReader(spki);
  const info = outer.enter(tag.sequence, "SubjectPublicKeyInfo");
  outer.end("SubjectPublicKeyInfo");
  const algorithm = info.enter(tag.sequence, "key algorithm");
  const id = oidText(algorithm.next(tag.oid, "key algorithm").content);
  if (id !== ecPublicKeyOid) {
    throw new DenimError("unsupported-key", `public key algorithm ${id} is not ECDSA`, { id });
  }
  const curveOid = oidText(algorithm.next(tag.oid, "named curve").content);
  const curve = curveByOid(curveOid);
  if (!curve) {
    throw new DenimError("unsupported-key", `elliptic curve ${curveOid} is not supported`, {
      curve: curveOid,
    }, "Use P-256 or P-384.");
  }
  const point = bitStringOctets(info.next(tag.bitString, "public key"), "public key");
  if (point.length !== 1 + 2 * curve.size || point[0] !== 4) {
    throw new DenimError("unsupported-key", "the public key is not an uncompressed point", {
      curve: curve.name,
      length: point.length,
    });
  }
  return { curve: curve.name, point, spki };
}

/** DER SubjectPublicKeyInfo of an uncompressed point. */
export function spkiOf(curve: CurveName, point: Uint8Array): Uint8Array<ArrayBuffer> {
  return sequence(sequence(oid(ecPublicKeyOid), oid(curves[curve].oid)), bitString(point));
}

/**
 * A private scalar and its curve, in the encodings that providers take. The public key a file may
 * carry is left out: it is computed from the scalar, so a file cannot claim another one.
 */
export interface EcPrivateKey {
  readonly curve: CurveName;
  /** SEC1 ECPrivateKey with the curve named. */
  readonly sec1: Uint8Array<ArrayBuffer>;
  /** PKCS#8 PrivateKeyInfo. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
}

function bad(why: string, hint?: string): DenimError<"bad-private-key"> {
  return new DenimError(
    "bad-private-key",
    `private key: ${why}`,
    {},
    hint ?? "Expected a PEM file with an EC key (PRIVATE KEY or EC PRIVATE KEY).",
  );
}

function fromSec1(der: Uint8Array, outerCurve: Curve | undefined): EcPrivateKey {
  const body = new DerReader(der).enter(tag.sequence, "ECPrivateKey");
  if (smallInteger(body.next(tag.integer, "version")) !== 1) throw bad("unknown SEC1 version");
  const scalar = body.next(tag.octetString, "private key").content;
  const parameters = body.optional(0xa0);
  const named = parameters && curveByOid(
    oidText(new DerReader(parameters.content).next(tag.oid, "named curve").content),
  );
  const curve = outerCurve ?? named;
  if (!curve) throw bad("the elliptic curve is not P-256 or P-384");
  const significant = scalar.findIndex((byte) => byte !== 0);
  const magnitude = scalar.subarray(significant);
  const value = magnitude.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  if (significant < 0 || value >= curve.order) throw bad("the scalar is out of range");
  const padded = new Uint8Array(curve.size);
  padded.set(magnitude, curve.size - magnitude.length);
  const version = unsignedInteger(Uint8Array.of(1));
  const sec1 = sequence(
    version,
    octetString(padded),
    explicit(0, oid(curve.oid)),
  );
  const pkcs8 = sequence(
    unsignedInteger(Uint8Array.of(0)),
    sequence(oid(ecPublicKeyOid), oid(curve.oid)),
    octetString(sequence(version, octetString(padded))),
  );
  return { curve: curve.name, sec1, pkcs8 };
}

function fromPkcs8(der: Uint8Array): EcPrivateKey {
  const body = new DerReader(der).enter(tag.sequence, "PrivateKeyInfo");
  smallInteger(body.next(tag.integer, "version"));
  const algorithm = body.enter(tag.sequence, "key algorithm");
  const id = oidText(algorithm.next(tag.oid, "key algorithm").content);
  if (id !== ecPublicKeyOid) throw bad(`algorithm ${id} is not ECDSA`);
  const curveOid = oidText(algorithm.next(tag.oid, "named curve").content);
  const curve = curveByOid(curveOid);
  if (!curve) throw bad(`elliptic curve ${curveOid} is not supported`, "Use P-256 or P-384.");
  return fromSec1(body.next(tag.octetString, "private key").content, curve);
}

/**
 * Reads the first EC private key of a PEM text. The label is not trusted: Go's tlsgen, for one,
 * writes PKCS#8 under `EC PRIVATE KEY`.
 * @throws DenimError `bad-private-key`
 */
export function ecPrivateKeyFromPem(pem: string): EcPrivateKey {
  const block = decodeAllPem(pem).find(({ type }) => type.endsWith("PRIVATE KEY"));
  if (!block) throw bad("no PEM block with a private key");
  if (block.type.startsWith("ENCRYPTED")) {
    throw bad("it is encrypted", "Decrypt the key file first.");
  }
  try {
    const body = new DerReader(block.bytes).enter(tag.sequence, "private key");
    body.next(tag.integer, "version");
    return body.peek() === tag.sequence ? fromPkcs8(block.bytes) : fromSec1(block.bytes, undefined);
  } catch (cause) {
    if (cause instanceof DenimError && cause.code === "bad-private-key") throw cause;
    throw new DenimError(
      "bad-private-key",
      `private key: ${(cause as Error).message}`,
      {},
      undefined,
      {
        cause,
      },
    );
  }
}
