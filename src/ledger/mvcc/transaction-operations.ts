/**
 * What one transaction does to each key once its value and metadata writes are merged with what is
 * there. Mirrors validator/internal/tx_ops_preparation.go.
 */
import { encodeMetadataEntries, type MetadataEntry } from "../metadata/entries.ts";
import type { DecodedReadWriteSet } from "../rwset/decode.ts";
import { hashBytes, hashText } from "../state/state-key.ts";
import type { Version } from "../types.ts";
import type { CommittedState } from "./committed-state.ts";
import type { CollectionUpdates, PublicUpdates, Update } from "./update-batch.ts";

/** Flags add up, as in Fabric: a repeated write in a forged set gives another operation. */
const valueWrite = 1;
const metadataWrite = 2;
const metadataDelete = 4;
const keyDelete = 8;

interface Operation {
  readonly namespace: string;
  /** undefined for public keys. */
  readonly collection: string | undefined;
  /** The key, or `hashText` of the key hash. */
  readonly key: string;
  flags: number;
  value: Uint8Array | undefined;
  metadata: Uint8Array | undefined;
}

class Operations {
  readonly #public = new Map<string, Operation>();
  readonly #hashed = new Map<string, Operation>();

  *all(): Iterable<Operation> {
    yield* this.#public.values();
    yield* this.#hashed.values();
  }

  write(ns: string, coll: string | undefined, key: string, value: Uint8Array | undefined): void {
    const operation = this.#of(ns, coll, key);
    if (value === undefined) {
      this.#flag(operation, keyDelete);
    } else {
      this.#flag(operation, valueWrite);
      operation.value = value;
    }
  }

  writeMetadata(
    ns: string,
    coll: string | undefined,
    key: string,
    entries: readonly MetadataEntry[],
  ): void {
    const operation = this.#of(ns, coll, key);
    if (entries.length === 0) {
      this.#flag(operation, metadataDelete);
    } else {
      this.#flag(operation, metadataWrite);
      operation.metadata = encodeMetadataEntries(entries);
    }
  }

  #flag(operation: Operation, flag: number): void {
    operation.flags = (operation.flags + flag) & 0xff;
  }

  #of(namespace: string, collection: string | undefined, key: string): Operation {
    const identity = collection === undefined
      ? `${namespace.length}:${namespace}${key}`
      : `${namespace.length}:${collection.length}:${namespace}${collection}${key}`;
    const operations = collection === undefined ? this.#public : this.#hashed;
    let operation = operations.get(identity);
    if (operation === undefined) {
      operation = { namespace, collection, key, flags: 0, value: undefined, metadata: undefined };
      operations.set(identity, operation);
    }
    return operation;
  }
}

function operationsOf(set: DecodedReadWriteSet): Operations {
  const operations = new Operations();
  for (const { namespace, kv, collections } of set.namespaces) {
    for (const write of kv.writes) {
      operations.write(namespace, undefined, write.key, write.isDelete ? undefined : write.value);
    }
    for (const write of kv.metadataWrites) {
      operations.writeMetadata(namespace, undefined, write.key, write.entries);
    }
    for (const { collection, hashed } of collections) {
      for (const write of hashed.hashedWrites) {
        const value = write.isDelete ? undefined : write.valueHash;
        operations.write(namespace, collection, hashText(write.keyHash), value);
      }
      for (const write of hashed.metadataWrites) {
        operations.writeMetadata(namespace, collection, hashText(write.keyHash), write.entries);
      }
    }
  }
  return operations;
}

/** The key's last update by an earlier transaction of the block. */
function updated(
  { namespace, collection, key }: Operation,
  publicUpdates: PublicUpdates,
  hashedUpdates: CollectionUpdates,
): Update | undefined {
  return collection === undefined
    ? publicUpdates.get(namespace, key)
    : hashedUpdates.get(namespace, collection, key);
}

function committedMetadata({ namespace, collection, key }: Operation, state: CommittedState) {
  const header = collection === undefined
    ? state.header(namespace, key)
    : state.hashedHeader(namespace, collection, hashBytes(key));
  return header?.metadata;
}

function committedValue({ namespace, collection, key }: Operation, state: CommittedState) {
  const entry = collection === undefined
    ? state.get(namespace, key)
    : state.getHashed(namespace, collection, hashBytes(key));
  return entry?.value;
}

/** Adds the writes of a valid transaction to the block's updates. */
export function applyWriteSet(
  set: DecodedReadWriteSet,
  version: Version,
  publicUpdates: PublicUpdates,
  hashedUpdates: CollectionUpdates,
  state: CommittedState,
): void {
  for (const operation of operationsOf(set).all()) {
    const { namespace, collection, key, flags } = operation;
    const deletes = (flags & keyDelete) !== 0;
    const writesValue = (flags & valueWrite) !== 0;
    let { value, metadata } = operation;
    if (deletes) {
      value = undefined;
      metadata = undefined;
    } else if (flags === valueWrite || flags === 0) {
      const earlier = updated(operation, publicUpdates, hashedUpdates);
      metadata = earlier ? earlier.metadata : committedMetadata(operation, state);
    } else if (!(writesValue && (flags & (metadataWrite | metadataDelete)) !== 0)) {
      // Metadata alone: it needs a value to belong to.
      const earlier = updated(operation, publicUpdates, hashedUpdates);
      value = earlier ? earlier.value : committedValue(operation, state);
      if (value === undefined) continue;
    }
    const update = { value, metadata, version };
    if (collection === undefined) publicUpdates.set(namespace, key, update);
    else hashedUpdates.set(namespace, collection, key, update);
  }
}
