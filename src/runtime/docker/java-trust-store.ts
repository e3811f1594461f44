/** Roots of trust in the form that every Java reads: a JKS key store. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { concat, utf8 } from "../../base/bytes.ts";

/** Java's own for stores of certificates, which are no secret. */
export const trustStorePassword = "changeit";

const magic = 0xfeedfeed;
const version = 2;
const trustedCertificate = 2;

/** A key store of the certificates in PEM files, whatever else these hold; undefined where there are none. */
export function javaTrustStore(...pems: readonly Uint8Array[]): Uint8Array | undefined {
  const text = pems.map((pem) => new TextDecoder().decode(pem)).join("\n");
  const bodies = [
    ...text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g),
  ].map(([, body]) => body.replace(/\s/g, ""));
  const certificates = [...new Set(bodies)].map((body) =>
    new Uint8Array(Buffer.from(body, "base64"))
  );
  if (certificates.length === 0) return undefined;
  const entries = certificates.map((certificate, i) =>
    concat(
      number(trustedCertificate),
      string(`denim-${i}`),
      number(0), // Milliseconds of its making, in two words.
      number(0),
      string("X.509"),
      number(certificate.length),
      certificate,
    )
  );
  const store = concat(number(magic), number(version), number(entries.length), ...entries);
  // The form has this text in it, for whoever has no password.
  const salted = concat(utf16(trustStorePassword), utf8("Mighty Aphrodite"), store);
  return concat(store, new Uint8Array(createHash("sha1").update(salted).digest()));
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function string(text: string): Uint8Array {
  const bytes = utf8(text);
  return concat(new Uint8Array([bytes.length >> 8, bytes.length & 0xff]), bytes);
}

function utf16(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "utf16le").swap16());
}
