/** What a block changes: public keys and hashes of private keys. Mirrors privacyenabledstate.UpdateBatch. */
import type { Version } from "../types.ts";

export interface Update {
  /** undefined deletes. */
  readonly value: Uint8Array | undefined;
  readonly metadata: Uint8Array | undefined;
  readonly version: Version;
}

/** Updates by key in one namespace (or one collection of it). */
export type KeyUpdates = ReadonlyMap<string, Update>;

function child<T>(map: Map<string, Map<string, T>>, name: string): Map<string, T> {
  let inner = map.get(name);
  if (inner === undefined) {
    inner = new Map();
    map.set(name, inner);
  }
  return inner;
}

/** Updates of textual keys, by namespace. */
export class PublicUpdates {
  readonly #namespaces = new Map<string, Map<string, Update>>();

  get(namespace: string, key: string): Update | undefined {
    return this.#namespaces.get(namespace)?.get(key);
  }

  set(namespace: string, key: string, update: Update): void {
    child(this.#namespaces, namespace).set(key, update);
  }

  namespaces(): string[] {
    return [...this.#namespaces.keys()];
  }

  of(namespace: string): KeyUpdates | undefined {
    return this.#namespaces.get(namespace);
  }
}

/**
 * Updates of collections, by namespace, collection and key. Hashed updates use `hashText` of the key
 * hash as key and the value's hash as value; clear updates use the key itself.
 */
export class CollectionUpdates {
  readonly #namespaces = new Map<string, Map<string, Map<string, Update>>>();

  get(namespace: string, collection: string, key: string): Update | undefined {
    return this.#namespaces.get(namespace)?.get(collection)?.get(key);
  }

  set(namespace: string, collection: string, key: string, update: Update): void {
    child(child(this.#namespaces, namespace), collection).set(key, update);
  }

  namespaces(): string[] {
    return [...this.#namespaces.keys()];
  }

  collections(namespace: string): ReadonlyMap<string, KeyUpdates> {
    return this.#namespaces.get(namespace) ?? new Map();
  }

  *all(): Iterable<{ namespace: string; collection: string; key: string; update: Update }> {
    for (const [namespace, collections] of this.#namespaces) {
      for (const [collection, keys] of collections) {
        for (const [key, update] of keys) yield { namespace, collection, key, update };
      }
    }
  }
}
