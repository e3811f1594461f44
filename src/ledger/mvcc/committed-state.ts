/** Committed state as validation reads it, each version looked up once per block. */
import { stateRangeCursor, type StateView, type VersionedValue } from "../state/state-store.ts";
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

/** The seam that tests replace by a model. */
export interface CommittedState {
  version(namespace: string, key: string): Version | undefined;
  get(namespace: string, key: string): VersionedValue | undefined;
  hashedVersion(namespace: string, collection: string, keyHash: Uint8Array): Version | undefined;
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

/** `CommittedState` over a view; remembers versions, so it lives for one block only. */
export class BlockCommittedState implements CommittedState {
  readonly #versions = new Map<string, Version | undefined>();
  readonly #hashedVersions = new Map<string, Version | undefined>();

  constructor(readonly view: StateView) {}

  version(namespace: string, key: string): Version | undefined {
    const name = `${namespace.length}:${namespace}${key}`;
    const known = this.#versions.get(name);
    if (known !== undefined || this.#versions.has(name)) return known;
    const version = this.view.version(stateKey(namespace, key));
    this.#versions.set(name, version);
    return version;
  }

  get(namespace: string, key: string): VersionedValue | undefined {
    return this.view.get(stateKey(namespace, key));
  }

  hashedVersion(namespace: string, collection: string, keyHash: Uint8Array): Version | undefined {
    const name = `${namespace.length}:${collection.length}:${namespace}${collection}${
      hashText(keyHash)
    }`;
    const known = this.#hashedVersions.get(name);
    if (known !== undefined || this.#hashedVersions.has(name)) return known;
    const version = this.view.version(hashedStateKey(namespace, collection, keyHash));
    this.#hashedVersions.set(name, version);
    return version;
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
