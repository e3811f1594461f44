/**
 * SHA-256 of several parts, through the machine's libcrypto where it opens: a third of what a hash
 * object of node:crypto costs for messages of a kilobyte. The library stays open, since a function
 * belongs to nobody who could close it.
 */
import { createHash } from "node:crypto";
import { libcryptoNames } from "./libcrypto-names.ts";

const symbols = {
  SHA256_Init: { parameters: ["buffer"], result: "i32" },
  SHA256_Update: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  SHA256_Final: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

const digestBytes = 32;
/** Room for a SHA256_CTX, which has 112 bytes. */
const contextBytes = 256;

type Sha256OfParts = (parts: readonly Uint8Array[]) => Uint8Array<ArrayBuffer>;

function openLibrary(): Deno.DynamicLibrary<typeof symbols>["symbols"] | undefined {
  if (typeof Deno === "undefined" || typeof Deno.dlopen !== "function") return undefined;
  // Never ask a person: without the permission node:crypto does.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  for (const name of libcryptoNames) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch {
      // Another name, or none: the digests are the same.
    }
  }
  return undefined;
}

/** Through libcrypto; undefined where that does not open. */
export function nativeSha256(): Sha256OfParts | undefined {
  const native = openLibrary();
  if (native === undefined) return undefined;
  // Hashing never waits, so that one context serves all.
  const context = new Uint8Array(contextBytes);
  return (parts) => {
    native.SHA256_Init(context);
    for (const part of parts) {
      native.SHA256_Update(context, part as Uint8Array<ArrayBuffer>, BigInt(part.length));
    }
    const digest = new Uint8Array(digestBytes);
    native.SHA256_Final(digest, context);
    return digest;
  };
}

/** Through node:crypto. */
export const portableSha256: Sha256OfParts = (parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

/** The digest of the parts one after the other. */
export const sha256Of: Sha256OfParts = nativeSha256() ?? portableSha256;
