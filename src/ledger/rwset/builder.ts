/** Collects what a simulation reads and writes and builds the read-write set. Mirrors rwsetutil/rwset_builder.go. */
import { create } from "@bufbuild/protobuf";
import {
  HashedRWSetSchema,
  KVMetadataEntrySchema,
  type KVMetadataWrite,
  type KVMetadataWriteHash,
  KVMetadataWriteHashSchema,
  KVMetadataWriteSchema,
  type KVRead,
  type KVReadHash,
  KVReadHashSchema,
  type KVRWSet,
  KVRWSetSchema,
  type KVWrite,
  type KVWriteHash,
  KVWriteHashSchema,
  type RangeQueryInfo,
  type Version as ProtoVersion,
} from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import {
  CollectionPvtReadWriteSetSchema,
  type NsPvtReadWriteSet,
  NsPvtReadWriteSetSchema,
  type NsReadWriteSet,
  TxPvtReadWriteSetSchema,
  TxReadWriteSet_DataModel,
  TxReadWriteSetSchema,
} from "../../gen/ledger/rwset/rwset_pb.ts";
import { compareUtf8, emptyBytes, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { sortedEntries } from "../metadata/entries.ts";
import type { SimulationResults, Version } from "../types.ts";
import type { CollectionHashedSet, NamespaceSet } from "./decode.ts";
import { encodeWire } from "../../protocol/wire-encoder.ts";

/** SHA-256, which names private keys and values in public. */
export function privateHash(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}

/** Hash of a private key. */
export function privateKeyHash(key: string): Uint8Array {
  return privateHash(utf8(key));
}

/** A read as recorded; no version where the key was absent. */
export function kvRead(key: string, version: Version | undefined): KVRead {
  const read: KVRead = { $typeName: "kvrwset.KVRead", key };
  if (version !== undefined) read.version = protoVersion(version);
  return read;
}

function protoVersion({ blockNumber, txNumber }: Version): ProtoVersion {
  return {
    $typeName: "kvrwset.Version",
    blockNum: BigInt(blockNumber),
    txNum: BigInt(txNumber),
  };
}

function entriesOf(metadata: ReadonlyMap<string, Uint8Array>) {
  return sortedEntries(metadata).map((entry) => create(KVMetadataEntrySchema, entry));
}

function sortedValues<T>(map: ReadonlyMap<string, T>): T[] {
  if (map.size < 2) return [...map.values()];
  return [...map].sort(([a], [b]) => compareUtf8(a, b)).map(([, value]) => value);
}

function getOrAdd<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

class HashedCollection {
  readonly reads = new Map<string, KVReadHash>();
  readonly writes = new Map<string, KVWriteHash>();
  readonly metadataWrites = new Map<string, KVMetadataWriteHash>();
  privateSetHash: Uint8Array = emptyBytes;

  constructor(readonly name: string) {}

  build(): CollectionHashedSet {
    const hashed = create(HashedRWSetSchema, {
      hashedReads: sortedValues(this.reads),
      hashedWrites: sortedValues(this.writes),
      metadataWrites: sortedValues(this.metadataWrites),
    });
    return {
      collection: this.name,
      hashed,
      bytes: encodeWire(HashedRWSetSchema, hashed),
      privateSetHash: this.privateSetHash,
    };
  }
}

class PublicNamespace {
  readonly reads = new Map<string, KVRead>();
  readonly writes = new Map<string, KVWrite>();
  readonly metadataWrites = new Map<string, KVMetadataWrite>();
  /** By start, end and exhaustion, in the order of the queries; a repeated query is kept once. */
  readonly rangeQueries = new Map<string, RangeQueryInfo>();
  readonly collections = new Map<string, HashedCollection>();

  constructor(readonly name: string) {}

  build(): NamespaceSet {
    const kv: KVRWSet = {
      $typeName: "kvrwset.KVRWSet",
      reads: sortedValues(this.reads),
      rangeQueriesInfo: [...this.rangeQueries.values()],
      writes: sortedValues(this.writes),
      metadataWrites: sortedValues(this.metadataWrites),
    };
    return {
      namespace: this.name,
      kv,
      bytes: encodeWire(KVRWSetSchema, kv),
      collections: sortedValues(this.collections).map((collection) => collection.build()),
    };
  }
}

class PrivateCollection {
  readonly writes = new Map<string, KVWrite>();
  readonly metadataWrites = new Map<string, KVMetadataWrite>();

  constructor(readonly name: string) {}

  build() {
    return create(CollectionPvtReadWriteSetSchema, {
      collectionName: this.name,
      rwset: encodeWire(
        KVRWSetSchema,
        create(KVRWSetSchema, {
          writes: sortedValues(this.writes),
          metadataWrites: sortedValues(this.metadataWrites),
        }),
      ),
    });
  }
}

/** One simulation's record. Namespaces, collections and keys come out sorted by their UTF-8 bytes. */
export class ReadWriteSetBuilder {
  readonly #public = new Map<string, PublicNamespace>();
  readonly #private = new Map<string, Map<string, PrivateCollection>>();

  addRead(namespace: string, key: string, version: Version | undefined): void {
    this.#namespace(namespace).reads.set(key, kvRead(key, version));
  }

  /** An undefined value deletes. */
  addWrite(namespace: string, key: string, value: Uint8Array | undefined): void {
    this.#namespace(namespace).writes.set(key, kvWrite(key, value));
  }

  /** No entries delete the metadata. */
  addMetadataWrite(
    namespace: string,
    key: string,
    metadata: ReadonlyMap<string, Uint8Array>,
  ): void {
    this.#namespace(namespace).metadataWrites.set(
      key,
      create(KVMetadataWriteSchema, { key, entries: entriesOf(metadata) }),
    );
  }

  addRangeQuery(namespace: string, query: RangeQueryInfo): void {
    const identity = JSON.stringify([query.startKey, query.endKey, query.itrExhausted]);
    getOrAdd(this.#namespace(namespace).rangeQueries, identity, () => query);
  }

  addHashedRead(
    namespace: string,
    collection: string,
    key: string,
    version: Version | undefined,
  ): void {
    this.#hashed(namespace, collection).reads.set(
      key,
      create(KVReadHashSchema, {
        keyHash: privateKeyHash(key),
        version: version && protoVersion(version),
      }),
    );
  }

  /** The clear write goes to the private set, its hashes to the public one. */
  addPrivateWrite(
    namespace: string,
    collection: string,
    key: string,
    value: Uint8Array | undefined,
  ): void {
    this.#clear(namespace, collection).writes.set(key, kvWrite(key, value));
    this.#hashed(namespace, collection).writes.set(
      key,
      create(KVWriteHashSchema, {
        keyHash: privateKeyHash(key),
        isDelete: value === undefined,
        valueHash: value === undefined ? emptyBytes : privateHash(value),
      }),
    );
  }

  /** The private set names only the key, so that its version can follow; entries are public. */
  addPrivateMetadataWrite(
    namespace: string,
    collection: string,
    key: string,
    metadata: ReadonlyMap<string, Uint8Array>,
  ): void {
    this.#clear(namespace, collection).metadataWrites.set(
      key,
      create(KVMetadataWriteSchema, { key }),
    );
    this.#hashed(namespace, collection).metadataWrites.set(
      key,
      create(KVMetadataWriteHashSchema, {
        keyHash: privateKeyHash(key),
        entries: entriesOf(metadata),
      }),
    );
  }

  build(): Omit<SimulationResults, "privateReads"> {
    const namespaces: NsPvtReadWriteSet[] = [];
    for (const name of [...this.#private.keys()].sort(compareUtf8)) {
      const collections = sortedValues(this.#private.get(name) ?? new Map()).map((c) => c.build());
      for (const { collectionName, rwset } of collections) {
        this.#hashed(name, collectionName).privateSetHash = privateHash(rwset);
      }
      namespaces.push(
        create(NsPvtReadWriteSetSchema, { namespace: name, collectionPvtRwset: collections }),
      );
    }
    const sets = sortedValues(this.#public).map((namespace) => namespace.build());
    return {
      publicBytes: encodeReadWriteSet(sets),
      namespaces: sets,
      privateSet: namespaces.length === 0 ? undefined : create(TxPvtReadWriteSetSchema, {
        dataModel: TxReadWriteSet_DataModel.KV,
        nsPvtRwset: namespaces,
      }),
    };
  }

  #namespace(name: string): PublicNamespace {
    return getOrAdd(this.#public, name, () => new PublicNamespace(name));
  }

  #hashed(namespace: string, collection: string): HashedCollection {
    return getOrAdd(
      this.#namespace(namespace).collections,
      collection,
      () => new HashedCollection(collection),
    );
  }

  #clear(namespace: string, collection: string): PrivateCollection {
    const collections = getOrAdd(
      this.#private,
      namespace,
      () => new Map<string, PrivateCollection>(),
    );
    return getOrAdd(collections, collection, () => new PrivateCollection(collection));
  }
}

function encodeReadWriteSet(sets: readonly NamespaceSet[]): Uint8Array {
  const nsRwset = sets.map(({ namespace, bytes, collections }): NsReadWriteSet => ({
    $typeName: "rwset.NsReadWriteSet",
    namespace,
    rwset: bytes,
    collectionHashedRwset: collections.map((set) => ({
      $typeName: "rwset.CollectionHashedReadWriteSet",
      collectionName: set.collection,
      hashedRwset: set.bytes,
      pvtRwsetHash: set.privateSetHash,
    })),
  }));
  return encodeWire(TxReadWriteSetSchema, {
    $typeName: "rwset.TxReadWriteSet",
    dataModel: TxReadWriteSet_DataModel.KV,
    nsRwset,
  });
}

function kvWrite(key: string, value: Uint8Array | undefined): KVWrite {
  return {
    $typeName: "kvrwset.KVWrite",
    key,
    isDelete: value === undefined,
    value: value ?? emptyBytes,
  };
}
