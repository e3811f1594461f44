/** Committed state as validation reads it, each version looked up once per block. */
import {
  type StateHeader,
  stateRangeCursor,
  type StateView,
  type VersionedValue,
} from "../state/state-store.ts";
import {
  hashedStateKey,
  hashText,
  privateNamespace,
  splitStateKey,
  stateKey,
} from "../state/state-key.ts";
import { text } from "../../base/bytes.ts";
import type { Version } from "../types.ts";

export interface KeyAtVersion {
  readonly key: string;
  readonly version: Version;
}

/** Committed state as MVCC asks for it. */
export interface CommittedState {
  header(namespace: string, key: string): StateHeader | undefined;
  get(namespace: string, key: string): VersionedValue | undefined;
  hashedHeader(namespace: string, collection: string, keyHash: Uint8Array): StateHeader | undefined;
  getHashed(
    namespace: string,
    collection: string,
    keyHash: Uint8Array,
  ): VersionedValue | undefined;
  /** Clear private value by key. */
  getPrivate(namespace: string, collection: string, key: string): VersionedValue | undefined;
  /** Keys in order; an empty end means the namespace's end. */
  range(namespace: string, start: string, end: string): { next(): KeyAtVersion | undefined };
}

/** `CommittedState` over a view; remembers headers, so it lives for one block only. */
export class BlockCommittedState implements CommittedState {
  readonly #headers = new Map<string, StateHeader | null>();
  readonly #hashedHeaders = new Map<string, StateHeader | null>();

  constructor(readonly view: StateView) {}

  header(namespace: string, key: string): StateHeader | undefined {
    const name = `${namespace.length}:${namespace}${key}`;
    return this.#remember(this.#headers, name, () => stateKey(namespace, key));
  }

  get(namespace: string, key: string): VersionedValue | undefined {
    return this.view.get(stateKey(namespace, key));
  }

  hashedHeader(
    namespace: string,
    collection: string,
    keyHash: Uint8Array,
  ): StateHeader | undefined {
    const key = hashText(keyHash);
    const name = `${namespace.length}:${collection.length}:${namespace}${collection}${key}`;
    const stored = () => hashedStateKey(namespace, collection, keyHash);
    return this.#remember(this.#hashedHeaders, name, stored);
  }

  getHashed(
    namespace: string,
    collection: string,
    keyHash: Uint8Array,
  ): VersionedValue | undefined {
    return this.view.get(hashedStateKey(namespace, collection, keyHash));
  }

  getPrivate(namespace: string, collection: string, key: string): VersionedValue | undefined {
    return this.view.get(stateKey(privateNamespace(namespace, collection), key));
  }

  #remember(
    known: Map<string, StateHeader | null>,
    name: string,
    stored: () => Uint8Array,
  ): StateHeader | undefined {
    let header = known.get(name);
    if (header === undefined) {
      header = this.view.header(stored()) ?? null;
      known.set(name, header);
    }
    return header ?? undefined;
  }

  range(namespace: string, start: string, end: string): { next(): KeyAtVersion | undefined } {
    const cursor = stateRangeCursor(this.view, namespace, start, end);
    return {
      next: () => {
        const entry = cursor.next();
        if (entry === undefined) return undefined;
        return { key: text(splitStateKey(entry.stored).key), version: entry.version };
      },
    };
  }
}
