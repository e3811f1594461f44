/** The hash functions an MSP configuration may name. Mirrors bccsp.GetHashOpt. */
import { sha256, sha384, sha3_256, sha3_384 } from "../crypto/hash.ts";
import { mspError } from "./msp-error.ts";

export type HashFunction = (message: Uint8Array) => Uint8Array;

const identifierHashes: Readonly<Record<string, HashFunction>> = {
  SHA256: sha256,
  SHA384: sha384,
  SHA3_256: sha3_256,
  SHA3_384: sha3_384,
};

/** Hash of certificates for identity identifiers. @throws DenimError `bad-msp-config` */
export function identifierHash(name: string): HashFunction {
  const hash = Object.hasOwn(identifierHashes, name) ? identifierHashes[name] : undefined;
  if (!hash) {
    throw mspError(
      "bad-msp-config",
      `failed getting hash function options: hash function not recognized [${name}]`,
    );
  }
  return hash;
}

/** Hash of signed messages; undefined for a family nobody knows, which fails at verification as in Fabric. */
export function signatureHash(family: string): HashFunction | undefined {
  return family === "SHA2" ? sha256 : family === "SHA3" ? sha3_256 : undefined;
}
