/** Answers a repeated question about the same signature without asking libcrypto again. */
import { equal } from "../base/bytes.ts";
import type { EcdsaProvider, EcPublicKey, SignatureCheck } from "./types.ts";

/**
 * A proposal's signature is asked for twice in one turn: as its creator's and by the policy that
 * admits it. A few are enough; more would only make misses dearer.
 */
export const rememberedSignatures = 4;

interface Verified {
  readonly key: EcPublicKey;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

/** `provider`, whose `verify` remembers the last signatures that held, by content. */
export function rememberVerified(provider: EcdsaProvider): EcdsaProvider {
  const remembered: Verified[] = [];
  let next = 0;
  const verify = (check: SignatureCheck): boolean => {
    if (remembered.some((one) => isSame(one, check))) return true;
    if (!provider.verify(check)) return false;
    remembered[next] = {
      key: check.key,
      digest: check.digest.slice(),
      signature: check.signature.slice(),
    };
    next = (next + 1) % rememberedSignatures;
    return true;
  };
  return {
    name: provider.name,
    verify,
    verifyBatch: (checks) => provider.verifyBatch(checks),
    signerFromPem: (pem) => provider.signerFromPem(pem),
    close: () => provider.close?.(),
  };
}

function isSame(one: Verified, other: SignatureCheck): boolean {
  return one.key === other.key && equal(one.signature, other.signature) &&
    equal(one.digest, other.digest);
}
