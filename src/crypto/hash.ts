/** Hash functions that Fabric's BCCSP names. All synchronous; `crypto.hash` is the fastest for small messages. */
import { hash } from "node:crypto";
import { sha256Of } from "./sha256.ts";

function digest(algorithm: string, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hash(algorithm, message, "buffer"));
}

/** The digest of the parts one after the other. */
export const sha256 = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => sha256Of(parts);
export const sha384 = (message: Uint8Array): Uint8Array<ArrayBuffer> => digest("sha384", message);
export const sha3_256 = (message: Uint8Array): Uint8Array<ArrayBuffer> =>
  digest("sha3-256", message);
export const sha3_384 = (message: Uint8Array): Uint8Array<ArrayBuffer> =>
  digest("sha3-384", message);
export const sha512 = (message: Uint8Array): Uint8Array<ArrayBuffer> => digest("sha512", message);
/** Only to check old certificates. */
export const sha1 = (message: Uint8Array): Uint8Array<ArrayBuffer> => digest("sha1", message);
