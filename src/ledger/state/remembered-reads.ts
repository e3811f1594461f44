/**
 * Point reads of one view of the state, remembered while it lasts: every transaction reads the
 * definition of its chaincode, and many read the same keys. Nothing changes within a view.
 */
import { stateKey } from "./state-key.ts";
import type { StateView, VersionedValue } from "./state-store.ts";

export interface RememberedReadsLimits {
  /** Values remembered at once; more begin anew. */
  readonly maxRememberedReads: number;
  /** Longer values are not remembered. */
  readonly maxRememberedValueBytes: number;
}

export class RememberedReads {
  /** By namespace, zero byte, key; null where the key is absent. */
  readonly #known = new Map<string, VersionedValue | null>();

  constructor(readonly state: Pick<StateView, "get">, readonly limits: RememberedReadsLimits) {}

  get(namespace: string, key: string): VersionedValue | undefined {
    const name = `${namespace}\0${key}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known ?? undefined;
    const read = this.state.get(stateKey(namespace, key));
    const { maxRememberedReads, maxRememberedValueBytes } = this.limits;
    if (read === undefined || read.value.length <= maxRememberedValueBytes) {
      if (this.#known.size >= maxRememberedReads) this.#known.clear();
      this.#known.set(name, read ?? null);
    }
    return read;
  }

  /** To be called when the view ends. */
  clear(): void {
    this.#known.clear();
  }
}
