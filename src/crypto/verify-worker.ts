/**
 * What runs in a worker that checks signatures with libcrypto, batch by batch, so that neither the
 * event loop nor a call per signature stands between the cores and their work.
 */

/** Checks of one batch in memory that all threads see; each thread takes the next few. */
export interface SharedChecks {
  readonly count: number;
  /** `[0]`: the first check that nobody has taken. */
  readonly cursor: Int32Array<SharedArrayBuffer>;
  /** Where each check begins in `packed`. */
  readonly offsets: Uint32Array<SharedArrayBuffer>;
  /** Each check: key number (4 bytes), lengths of signature and digest (1 byte each), both. */
  readonly packed: Uint8Array<SharedArrayBuffer>;
  /** `verdicts`, by check. */
  readonly results: Uint8Array<SharedArrayBuffer>;
}

/** A check's result in `SharedChecks.results`. */
export const verdicts = { fails: 0, holds: 1, unknown: 2 } as const;

/** To a worker: `open` first, then `verify` as often as wanted. */
export type WorkerRequest =
  | { readonly kind: "open"; readonly library: string }
  | {
    readonly kind: "verify";
    readonly id: number;
    /** Forget all keys first. */
    readonly forget: boolean;
    /** Keys that the worker does not have yet: number and SubjectPublicKeyInfo. */
    readonly keys: readonly (readonly [number, Uint8Array])[];
    readonly checks: SharedChecks;
  };

/** From a worker: of this batch there is nothing left to take; or that it cannot work. */
export type WorkerAnswer =
  | { readonly kind: "done"; readonly id: number }
  | { readonly kind: "failed" };

interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerRequest>) => void) | null;
  postMessage(message: WorkerAnswer): void;
}

/** The whole worker. It is sent there as its own source text, so it uses nothing from outside. */
export function verifyWorker(scope: WorkerScope): void {
  const checksAtATime = 8;
  const openLibrary = (name: string) =>
    Deno.dlopen(name, {
      d2i_PUBKEY: { parameters: ["pointer", "buffer", "i64"], result: "pointer" },
      EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
      EVP_PKEY_CTX_new: { parameters: ["pointer", "pointer"], result: "pointer" },
      EVP_PKEY_CTX_free: { parameters: ["pointer"], result: "void" },
      EVP_PKEY_verify_init: { parameters: ["pointer"], result: "i32" },
      EVP_PKEY_verify: {
        parameters: ["pointer", "buffer", "usize", "buffer", "usize"],
        result: "i32",
      },
    }).symbols;
  let library: ReturnType<typeof openLibrary> | undefined;
  const contexts = new Map<number, { key: Deno.PointerValue; context: Deno.PointerValue }>();

  const addKey = (number: number, spki: Uint8Array) => {
    const bytes = new Uint8Array(spki);
    const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
    const address = BigUint64Array.of(start);
    const key = library?.d2i_PUBKEY(null, address, BigInt(bytes.length)) ?? null;
    if (key === null) return;
    const context = library?.EVP_PKEY_CTX_new(key, null) ?? null;
    if (context !== null && library?.EVP_PKEY_verify_init(context) === 1) {
      contexts.set(number, { key, context });
    } else {
      library?.EVP_PKEY_CTX_free(context);
      library?.EVP_PKEY_free(key);
    }
  };

  const forgetKeys = () => {
    for (const { key, context } of contexts.values()) {
      library?.EVP_PKEY_CTX_free(context);
      library?.EVP_PKEY_free(key);
    }
    contexts.clear();
  };

  const verify = (packed: Uint8Array, at: number): boolean => {
    const number = new DataView(packed.buffer, packed.byteOffset).getUint32(at);
    const context = contexts.get(number)?.context;
    const signatureEnd = at + 6 + packed[at + 4];
    // Copies: native code cannot take shared memory.
    const signature = Uint8Array.from(packed.subarray(at + 6, signatureEnd));
    const digest = Uint8Array.from(packed.subarray(signatureEnd, signatureEnd + packed[at + 5]));
    return context !== undefined && library?.EVP_PKEY_verify(
          context,
          signature,
          BigInt(signature.length),
          digest,
          BigInt(digest.length),
        ) === 1;
  };

  scope.onmessage = ({ data: request }) => {
    if (request.kind === "open") {
      try {
        library = openLibrary(request.library);
      } catch {
        scope.postMessage({ kind: "failed" });
      }
      return;
    }
    if (!library) return;
    if (request.forget) forgetKeys();
    for (const [number, spki] of request.keys) addKey(number, spki);
    const { count, cursor, offsets, packed, results } = request.checks;
    for (;;) {
      const start = Atomics.add(cursor, 0, checksAtATime);
      if (start >= count) break;
      const end = Math.min(start + checksAtATime, count);
      for (let i = start; i < end; i++) {
        Atomics.store(results, i, verify(packed, offsets[i]) ? 1 : 0);
      }
    }
    scope.postMessage({ kind: "done", id: request.id });
  };
}

/** One check on its way to the workers. */
export interface PackedCheck {
  readonly key: number;
  /** At most 255 bytes. */
  readonly signature: Uint8Array;
  /** At most 255 bytes. */
  readonly digest: Uint8Array;
}

/** Puts checks into shared memory, none taken yet. */
export function shareChecks(checks: readonly PackedCheck[]): SharedChecks {
  const offsets = new Uint32Array(new SharedArrayBuffer(checks.length * 4));
  let size = 0;
  checks.forEach(({ signature, digest }, i) => {
    offsets[i] = size;
    size += 6 + signature.length + digest.length;
  });
  const packed = new Uint8Array(new SharedArrayBuffer(size));
  const view = new DataView(packed.buffer);
  checks.forEach(({ key, signature, digest }, i) => {
    const at = offsets[i];
    view.setUint32(at, key);
    packed[at + 4] = signature.length;
    packed[at + 5] = digest.length;
    packed.set(signature, at + 6);
    packed.set(digest, at + 6 + signature.length);
  });
  const results = new Uint8Array(new SharedArrayBuffer(checks.length)).fill(verdicts.unknown);
  const cursor = new Int32Array(new SharedArrayBuffer(4));
  return { count: checks.length, cursor, offsets, packed, results };
}
