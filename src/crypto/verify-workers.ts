/**
 * Large batches of signature checks on all cores: workers and, in its free moments, the event loop
 * take check after check from shared memory until none is left.
 */
import { setImmediate } from "node:timers";
import { latin1 } from "../base/bytes.ts";
import type { SignatureCheck } from "./types.ts";
import {
  type PackedCheck,
  shareChecks,
  verdicts,
  verifyWorker,
  type WorkerAnswer,
  type WorkerRequest,
} from "./verify-worker.ts";

/** Checks between two turns of the event loop: half a millisecond. */
const ownChecksAtATime = 8;

export interface VerifyWorkersOptions {
  /** As `Deno.dlopen` takes it. */
  readonly library: string;
  readonly workers: number;
  /** Keys that workers keep before they forget them all. Default 2048. */
  readonly maxKeys?: number;
  /** Checks one signature on this thread. */
  readonly verify: (check: SignatureCheck) => boolean;
}

class Helper {
  readonly worker: Worker;
  /** Called when the worker has nothing left to do for a batch, or is gone. */
  readonly pending = new Map<number, () => void>();
  /** Keys up to this number are known to it. */
  keys = 0;
  forget = false;

  constructor(source: string) {
    this.worker = new Worker(source, { type: "module" });
  }

  end(): void {
    this.worker.terminate();
    for (const done of this.pending.values()) done();
    this.pending.clear();
  }
}

export class VerifyWorkers {
  readonly #options: VerifyWorkersOptions;
  readonly #helpers = new Set<Helper>();
  /** Numbers of public keys, as workers know them. */
  readonly #numbers = new Map<string, number>();
  readonly #spki: Uint8Array[] = [];
  #batches = 0;
  #closed = false;

  constructor(options: VerifyWorkersOptions) {
    this.#options = options;
    const source = `data:text/javascript,${encodeURIComponent(`(${verifyWorker})(globalThis)`)}`;
    for (let i = 0; i < options.workers; i++) {
      const helper = new Helper(source);
      helper.worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
        if (data.kind === "failed") return this.#lose(helper);
        helper.pending.get(data.id)?.();
        helper.pending.delete(data.id);
      };
      helper.worker.onerror = (event) => {
        event.preventDefault();
        this.#lose(helper);
      };
      this.#post(helper, { kind: "open", library: options.library });
      this.#helpers.add(helper);
    }
  }

  /**
   * Results in the order of the checks; false for those that were left when it was closed.
   * @param checks undefined where a signature cannot hold
   */
  async verify(checks: readonly (SignatureCheck | undefined)[]): Promise<boolean[]> {
    const shared = shareChecks(this.#packed(checks));
    const id = this.#batches++;
    const helped = [...this.#helpers].map((helper) =>
      new Promise<void>((resolve) => {
        helper.pending.set(id, resolve);
        const keys = this.#spki.slice(helper.keys)
          .map((spki, i) => [helper.keys + i + 1, spki] as const);
        const { forget } = helper;
        this.#post(helper, { kind: "verify", id, forget, keys, checks: shared });
        helper.keys = this.#spki.length;
        helper.forget = false;
      })
    );
    const verifyHere = (i: number) => {
      const check = checks[i];
      const holds = check !== undefined && this.#options.verify(check);
      shared.results[i] = holds ? verdicts.holds : verdicts.fails;
    };
    while (!this.#closed) {
      await new Promise((resolve) => setImmediate(resolve));
      const start = Atomics.add(shared.cursor, 0, ownChecksAtATime);
      if (start >= checks.length) break;
      const end = Math.min(start + ownChecksAtATime, checks.length);
      for (let i = start; i < end; i++) verifyHere(i);
    }
    await Promise.all(helped);
    for (let i = 0; i < checks.length && !this.#closed; i++) {
      if (Atomics.load(shared.results, i) === verdicts.unknown) verifyHere(i);
    }
    return checks.map((_, i) => Atomics.load(shared.results, i) === verdicts.holds);
  }

  #packed(checks: readonly (SignatureCheck | undefined)[]): PackedCheck[] {
    if (this.#numbers.size > (this.#options.maxKeys ?? 2048)) {
      this.#numbers.clear();
      this.#spki.length = 0;
      for (const helper of this.#helpers) {
        helper.keys = 0;
        helper.forget = true;
      }
    }
    return checks.map((check) => {
      if (!check) return { key: 0, signature: nothing, digest: nothing };
      const { key, signature, digest } = check;
      const name = latin1(key.point);
      let number = this.#numbers.get(name);
      if (number === undefined) {
        number = this.#spki.push(key.spki);
        this.#numbers.set(name, number);
      }
      return { key: number, signature, digest };
    });
  }

  /** What it had taken is checked here in the end. */
  #lose(helper: Helper): void {
    this.#helpers.delete(helper);
    helper.end();
  }

  #post(helper: Helper, request: WorkerRequest): void {
    helper.worker.postMessage(request);
  }

  /** Ends the workers; batches under way end with what they have. */
  close(): void {
    this.#closed = true;
    for (const helper of this.#helpers) helper.end();
    this.#helpers.clear();
  }
}

const nothing = new Uint8Array(0);
