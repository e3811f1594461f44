/**
 * ECDSA over node:crypto, for machines where libcrypto cannot be opened. node:crypto only signs
 * messages, while Fabric signs digests, so the digest is handed in where the hash would be read.
 */
import {
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  type KeyObject,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { DenimError } from "../base/errors.ts";
import { ecPrivateKeyFromPem, ecPublicKeyFromSpki } from "./ec-key.ts";
import { acceptableSignature, curves, toLowS } from "./ecdsa-signature.ts";
import type { CurveName, EcdsaProvider, EcPublicKey, SignatureCheck, Signer } from "./types.ts";

/** Checks between two turns of the event loop during a batch. */
const batchSliceChecks = 16;

/** Deno refuses digests shorter than half the order; zeros in front do not change their value. */
function padded(digest: Uint8Array, curve: CurveName): Uint8Array {
  const { size } = curves[curve];
  if (digest.length >= size) return digest;
  const whole = new Uint8Array(size);
  whole.set(digest, size - digest.length);
  return whole;
}

/** Deno's Sign and Verify keep their hash in `hash`; giving its digest ourselves makes them prehashed. */
function prehashed<T extends object>(operation: T, digest: Uint8Array): T {
  const given = { update() {}, digest: () => Buffer.from(digest) };
  Object.defineProperty(operation, "hash", { value: given, configurable: true, writable: true });
  return operation;
}

class PortableProvider implements EcdsaProvider {
  readonly name = "node:crypto";
  readonly #keys = new WeakMap<EcPublicKey, KeyObject>();

  verify(check: SignatureCheck): boolean {
    const signature = acceptableSignature(check.signature, check.key.curve);
    if (!signature) return false;
    try {
      let key = this.#keys.get(check.key);
      if (!key) {
        key = createPublicKey({ key: Buffer.from(check.key.spki), format: "der", type: "spki" });
        this.#keys.set(check.key, key);
      }
      return prehashed(createVerify("sha256"), padded(check.digest, check.key.curve)).verify(
        key,
        signature,
      );
    } catch {
      return false;
    }
  }

  async verifyBatch(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    const results: boolean[] = [];
    for (const check of checks) {
      results.push(this.verify(check));
      if (results.length % batchSliceChecks === 0) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
    return results;
  }

  signerFromPem(pem: string): Signer & { close(): void } {
    const { pkcs8 } = ecPrivateKeyFromPem(pem);
    let key: KeyObject;
    try {
      key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
    } catch (cause) {
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
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    const publicKey = ecPublicKeyFromSpki(new Uint8Array(spki));
    return {
      publicKey,
      sign: (digest) => {
        const signature = prehashed(createSign("sha256"), padded(digest, publicKey.curve)).sign(
          key,
        );
        return toLowS(new Uint8Array(signature), publicKey.curve);
      },
      close() {},
    };
  }

  close(): void {}
}

/** The node:crypto provider. */
export function createPortableProvider(): EcdsaProvider {
  return new PortableProvider();
}
