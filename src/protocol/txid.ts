/** Transaction ids and nonces. Mirrors protos/utils/proputils.go and common/crypto/random.go. */
import { randomBytes } from "node:crypto";
import { hex } from "../base/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { DenimError } from "../base/errors.ts";

/** Length of the nonces Fabric's clients make. */
export const nonceBytes = 24;

/** A fresh nonce from the machine's randomness. */
export function newNonce(): Uint8Array {
  return new Uint8Array(randomBytes(nonceBytes));
}

/** Lower-case hex of SHA-256(nonce ‖ creator). */
export function computeTxId(nonce: Uint8Array, creator: Uint8Array): string {
  return hex(sha256(nonce, creator));
}

/** @throws DenimError `invalid-txid` when `txId` is not the one of this nonce and creator */
export function checkTxId(txId: string, nonce: Uint8Array, creator: Uint8Array): void {
  const expected = computeTxId(nonce, creator);
  if (txId !== expected) {
    throw new DenimError("invalid-txid", `invalid txid. got [${txId}], expected [${expected}]`, {
      txId,
      expected,
      nonce: hex(nonce),
    });
  }
}
