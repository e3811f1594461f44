/** File system wallets in the formats of fabric-network 2.x and 1.4. Pure: gives files, writes none. */
import { createPublicKey } from "node:crypto";
import { hex } from "../../base/bytes.ts";
import { readKeyPair } from "../../crypto/certificate-writer.ts";
import type { Person } from "./people.ts";

export interface MaterialFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly content: string;
  /** Readable by its owner only. */
  readonly secret: boolean;
}

/** `<label>.id`, for `Wallets.newFileSystemWallet`. */
export function wallet2Files({ label, mspId, certificatePem, keyPem }: Person): MaterialFile[] {
  const identity = {
    credentials: { certificate: certificatePem, privateKey: keyPem },
    mspId,
    type: "X.509",
    version: 1,
  };
  return [{ path: `${label}.id`, content: JSON.stringify(identity), secret: true }];
}

/**
 * A folder for each identity, for `new FileSystemWallet`: the user as JSON, and its keys under the
 * hash of the public key, as the SDK's key store names them.
 */
export function wallet1Files({ label, mspId, certificatePem, keyPem }: Person): MaterialFile[] {
  const keyId = hex(readKeyPair(keyPem).keyId);
  const publicPem = createPublicKey(keyPem).export({ type: "spki", format: "pem" }).toString();
  const user = {
    name: label,
    mspid: mspId,
    roles: null,
    affiliation: "",
    enrollmentSecret: "",
    enrollment: { signingIdentity: keyId, identity: { certificate: certificatePem } },
  };
  return [
    { path: `${label}/${label}`, content: JSON.stringify(user), secret: true },
    { path: `${label}/${keyId}-priv`, content: keyPem, secret: true },
    { path: `${label}/${keyId}-pub`, content: publicPem, secret: false },
  ];
}
