/**
 * ECDSA through the machine's libcrypto (OpenSSL 3 or 1.1), about ten times as fast as node:crypto
 * under Deno. Native handles of public keys are cached with a bound; batches run on a thread pool.
 */
import { latin1 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { ecPrivateKeyFromPem, ecPublicKeyFromSpki } from "./ec-key.ts";
import { acceptableSignature, toLowS } from "./ecdsa-signature.ts";
import { libcryptoNames } from "./libcrypto-names.ts";
import { VerifyWorkers } from "./verify-workers.ts";
import type { EcdsaProvider, EcPublicKey, SignatureCheck, Signer } from "./types.ts";

const verifySignature = {
  parameters: ["pointer", "buffer", "usize", "buffer", "usize"],
  result: "i32",
} as const;

const symbols = {
  d2i_PUBKEY: { parameters: ["pointer", "buffer", "i64"], result: "pointer" },
  d2i_AutoPrivateKey: { parameters: ["pointer", "buffer", "i64"], result: "pointer" },
  i2d_PUBKEY: { parameters: ["pointer", "buffer"], result: "i32" },
  EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
  EVP_PKEY_CTX_new: { parameters: ["pointer", "pointer"], result: "pointer" },
  EVP_PKEY_CTX_free: { parameters: ["pointer"], result: "void" },
  EVP_PKEY_verify_init: { parameters: ["pointer"], result: "i32" },
  EVP_PKEY_sign_init: { parameters: ["pointer"], result: "i32" },
  EVP_PKEY_sign: { parameters: ["pointer", "buffer", "buffer", "buffer", "usize"], result: "i32" },
  EVP_PKEY_verify: verifySignature,
  verifyOnPool: { ...verifySignature, name: "EVP_PKEY_verify", nonblocking: true },
} as const;

type Library = Deno.DynamicLibrary<typeof symbols>;

/** Largest DER signature of P-384, with room. */
const maxSignatureBytes = 160;

/** A native public key with one verification context per lane; a context is used by one call at a time. */
interface KeyHandle {
  readonly key: Deno.PointerValue;
  readonly contexts: Deno.PointerValue[];
  readonly cacheKey: string;
  inFlight: number;
  evicted: boolean;
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.of(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

export interface LibcryptoOptions {
  /** Native key handles kept; the least recently used are freed. Default 2048. */
  readonly maxKeyHandles?: number;
  /** Calls of a batch that may be under way at once. Default four per core. */
  readonly maxBatchLanes?: number;
  /** Workers for large batches, started with the first. Default one less than cores, at least one. */
  readonly workers?: number;
}

/** Handing a signature to the thread pool costs a fifth of verifying it: a few are done at once. */
export const minPoolBatch = 12;

/** Smaller batches are not worth the workers' time and memory. */
export const minWorkerBatch = 192;

class LibcryptoProvider implements EcdsaProvider {
  readonly name = "libcrypto";
  readonly #lib: Library;
  readonly #maxKeyHandles: number;
  readonly #byObject = new WeakMap<EcPublicKey, KeyHandle>();
  readonly #byPoint = new Map<string, KeyHandle>();
  readonly #signers = new Set<{ close(): void }>();
  /** Lane 0 belongs to `verify`; the others are lent to batches. */
  readonly #freeLanes: number[];
  readonly #laneWaiters: ((lane: number) => void)[] = [];
  #closed = false;
  #lent = 0;

  readonly #options: LibcryptoOptions;
  #workers: VerifyWorkers | undefined;

  constructor(lib: Library, private readonly file: string, options: LibcryptoOptions) {
    this.#lib = lib;
    this.#options = options;
    this.#maxKeyHandles = options.maxKeyHandles ?? 2048;
    const lanes = options.maxBatchLanes ?? 4 * (navigator.hardwareConcurrency || 2);
    this.#freeLanes = Array.from({ length: lanes }, (_, i) => lanes - i);
  }

  #handle(key: EcPublicKey): KeyHandle | undefined {
    const known = this.#byObject.get(key);
    if (known && !known.evicted) return known;
    const cacheKey = latin1(key.point);
    let handle = this.#byPoint.get(cacheKey);
    if (handle) {
      this.#byPoint.delete(cacheKey);
    } else {
      const spki = new Uint8Array(key.spki);
      const native = this.#lib.symbols.d2i_PUBKEY(null, addressOf(spki), BigInt(spki.length));
      if (native === null) return undefined;
      handle = { key: native, contexts: [], cacheKey, inFlight: 0, evicted: false };
      if (this.#byPoint.size >= this.#maxKeyHandles) {
        for (const oldest of this.#byPoint.values()) {
          this.#evict(oldest);
          break;
        }
      }
    }
    this.#byPoint.set(cacheKey, handle);
    this.#byObject.set(key, handle);
    return handle;
  }

  #evict(handle: KeyHandle): void {
    this.#byPoint.delete(handle.cacheKey);
    handle.evicted = true;
    if (handle.inFlight === 0) this.#free(handle);
  }

  #free(handle: KeyHandle): void {
    for (const context of handle.contexts) {
      if (context) this.#lib.symbols.EVP_PKEY_CTX_free(context);
    }
    handle.contexts.length = 0;
    this.#lib.symbols.EVP_PKEY_free(handle.key);
  }

  #context(handle: KeyHandle, lane: number): Deno.PointerValue {
    const known = handle.contexts[lane];
    if (known) return known;
    const context = this.#lib.symbols.EVP_PKEY_CTX_new(handle.key, null);
    if (context !== null && this.#lib.symbols.EVP_PKEY_verify_init(context) !== 1) {
      this.#lib.symbols.EVP_PKEY_CTX_free(context);
      return null;
    }
    handle.contexts[lane] = context;
    return context;
  }

  verify(check: SignatureCheck): boolean {
    if (this.#closed) return false;
    const signature = acceptableSignature(check.signature, check.key.curve);
    const handle = signature && this.#handle(check.key);
    const context = handle && this.#context(handle, 0);
    if (!signature || !context) return false;
    return this.#lib.symbols.EVP_PKEY_verify(
      context,
      signature as Uint8Array<ArrayBuffer>,
      BigInt(signature.length),
      check.digest as Uint8Array<ArrayBuffer>,
      BigInt(check.digest.length),
    ) === 1;
  }

  async verifyBatch(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    if (checks.length < minPoolBatch || this.#closed) {
      return checks.map((check) => this.verify(check));
    }
    if (checks.length >= minWorkerBatch) {
      return await this.#pool().verify(checks.map(usable));
    }
    const results = new Array<boolean>(checks.length).fill(false);
    let next = 0;
    const runLane = async () => {
      const lane = await this.#borrowLane();
      const scratch = new Uint8Array(maxSignatureBytes + 64);
      try {
        while (next < checks.length) {
          const index = next++;
          results[index] = await this.#verifyOnPool(checks[index], lane, scratch);
        }
      } finally {
        this.#returnLane(lane);
      }
    };
    const lanes = Math.min(checks.length, this.#freeLanes.length || 1);
    await Promise.all(Array.from({ length: lanes }, runLane));
    return results;
  }

  #pool(): VerifyWorkers {
    this.#workers ??= new VerifyWorkers({
      library: this.file,
      workers: this.#options.workers ?? Math.max(1, (navigator.hardwareConcurrency || 2) - 1),
      verify: (check) => this.verify(check),
    });
    return this.#workers;
  }

  async #verifyOnPool(
    check: SignatureCheck,
    lane: number,
    scratch: Uint8Array<ArrayBuffer>,
  ): Promise<boolean> {
    if (this.#closed) return false;
    const signature = acceptableSignature(check.signature, check.key.curve);
    if (!signature || signature.length > maxSignatureBytes || check.digest.length > 64) {
      return false;
    }
    const handle = this.#handle(check.key);
    const context = handle && this.#context(handle, lane);
    if (!handle || !context) return false;
    // Copies outlive the call whatever the caller does with its arrays.
    scratch.set(signature);
    scratch.set(check.digest, maxSignatureBytes);
    handle.inFlight++;
    try {
      return await this.#lib.symbols.verifyOnPool(
        context,
        scratch.subarray(0, signature.length),
        BigInt(signature.length),
        scratch.subarray(maxSignatureBytes, maxSignatureBytes + check.digest.length),
        BigInt(check.digest.length),
      ) === 1;
    } finally {
      handle.inFlight--;
      if (handle.evicted && handle.inFlight === 0) this.#free(handle);
    }
  }

  #borrowLane(): Promise<number> | number {
    this.#lent++;
    const lane = this.#freeLanes.pop();
    if (lane !== undefined) return lane;
    return new Promise((resolve) => this.#laneWaiters.push(resolve));
  }

  #returnLane(lane: number): void {
    this.#lent--;
    const waiter = this.#laneWaiters.shift();
    if (waiter) waiter(lane);
    else this.#freeLanes.push(lane);
    if (this.#closed && this.#lent === 0) this.#lib.close();
  }

  signerFromPem(pem: string): Signer & { close(): void } {
    const { sec1 } = ecPrivateKeyFromPem(pem);
    const { symbols: native } = this.#lib;
    const key = native.d2i_AutoPrivateKey(null, addressOf(sec1), BigInt(sec1.length));
    if (key === null) {
      throw new DenimError("bad-private-key", "private key: libcrypto cannot read it");
    }
    const spki = new Uint8Array(160);
    const length = native.i2d_PUBKEY(key, addressOf(spki));
    const publicKey = ecPublicKeyFromSpki(spki.slice(0, length));
    const context = native.EVP_PKEY_CTX_new(key, null);
    if (context === null || native.EVP_PKEY_sign_init(context) !== 1) {
      native.EVP_PKEY_free(key);
      throw new DenimError("bad-private-key", "private key: libcrypto cannot sign with it");
    }
    const out = new Uint8Array(maxSignatureBytes);
    const outLength = new BigUint64Array(1);
    let closed = false;
    const signer = {
      publicKey,
      sign: (digest: Uint8Array): Uint8Array => {
        if (closed) throw new DenimError("signer-closed", "the signing key was closed");
        outLength[0] = BigInt(out.length);
        const bytes = digest as Uint8Array<ArrayBuffer>;
        if (native.EVP_PKEY_sign(context, out, outLength, bytes, BigInt(bytes.length)) !== 1) {
          throw new DenimError("sign-failed", "libcrypto could not sign");
        }
        return toLowS(out.slice(0, Number(outLength[0])), publicKey.curve);
      },
      close: () => {
        if (closed) return;
        closed = true;
        this.#signers.delete(signer);
        native.EVP_PKEY_CTX_free(context);
        native.EVP_PKEY_free(key);
      },
    };
    this.#signers.add(signer);
    return signer;
  }

  close(): void {
    if (this.#closed) return;
    for (const signer of [...this.#signers]) signer.close();
    for (const handle of [...this.#byPoint.values()]) this.#evict(handle);
    this.#closed = true;
    this.#workers?.close();
    if (this.#lent === 0) this.#lib.close();
  }
}

/** The check with a signature that libcrypto may see; undefined where it cannot hold. */
function usable(check: SignatureCheck): SignatureCheck | undefined {
  const signature = acceptableSignature(check.signature, check.key.curve);
  if (!signature || signature.length > maxSignatureBytes || check.digest.length > 64) {
    return undefined;
  }
  return { key: check.key, digest: check.digest, signature };
}

/** Opens libcrypto, or tells why not. Needs the permission `--allow-ffi`. */
export function openLibcrypto(
  options: LibcryptoOptions = {},
): { provider: EcdsaProvider } | { reason: string } {
  if (typeof Deno === "undefined" || typeof Deno.dlopen !== "function") {
    return { reason: "this runtime has no foreign function interface" };
  }
  // Never ask a person: without the permission the portable provider does.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return { reason: "no permission (--allow-ffi)" };
  }
  const reasons: string[] = [];
  for (const name of libcryptoNames) {
    try {
      return { provider: new LibcryptoProvider(Deno.dlopen(name, symbols), name, options) };
    } catch (thrown) {
      reasons.push(`${name}: ${messageOf(thrown)}`);
    }
  }
  return { reason: reasons.join("; ") };
}
