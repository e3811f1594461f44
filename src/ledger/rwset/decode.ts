/**
 * TxReadWriteSet bytes → typed view, with the original bytes beside it; read as Go reads them, or
 * peers would disagree about what a transaction writes. Mirrors
 * core/ledger/kvledger/txmgmt/rwsetutil/rwset_proto_util.go.
 */
import {
  type HashedRWSet,
  HashedRWSetSchema,
  type KVRWSet,
  KVRWSetSchema,
  type Version as ProtoVersion,
} from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import {
  type TxPvtReadWriteSet,
  type TxReadWriteSet,
  TxReadWriteSetSchema,
} from "../../gen/ledger/rwset/rwset_pb.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import { decodeAsGo } from "../../protocol/go-wire.ts";
import type { Version } from "../types.ts";

export interface CollectionHashedSet {
  readonly collection: string;
  readonly hashed: HashedRWSet;
  /** Original bytes of `hashed`. */
  readonly bytes: Uint8Array;
  /** SHA-256 of the private write set; empty where the transaction wrote nothing private. */
  readonly privateSetHash: Uint8Array;
}

export interface NamespaceSet {
  readonly namespace: string;
  readonly kv: KVRWSet;
  /** Original bytes of `kv`. */
  readonly bytes: Uint8Array;
  readonly collections: readonly CollectionHashedSet[];
}

export interface DecodedReadWriteSet {
  readonly namespaces: readonly NamespaceSet[];
}

export interface CollectionPrivateSet {
  readonly collection: string;
  readonly kv: KVRWSet;
  readonly bytes: Uint8Array;
}

export interface NamespacePrivateSet {
  readonly namespace: string;
  readonly collections: readonly CollectionPrivateSet[];
}

function refuse(what: string, cause: unknown): DenimError {
  return new DenimError(
    "bad-read-write-set",
    `${what}: ${messageOf(cause)}`,
    {},
    undefined,
    { cause },
  );
}

/** @throws DenimError `bad-read-write-set` for bytes that are not a read-write set at any level */
export function decodeReadWriteSet(bytes: Uint8Array): DecodedReadWriteSet {
  let outer: TxReadWriteSet;
  try {
    outer = decodeAsGo(TxReadWriteSetSchema, bytes);
  } catch (cause) {
    throw refuse("error unmarshaling TxReadWriteSet", cause);
  }
  return readWriteSetOf(outer);
}

/** @throws DenimError `bad-read-write-set` */
function readWriteSetOf(outer: TxReadWriteSet): DecodedReadWriteSet {
  try {
    return {
      namespaces: outer.nsRwset.map((ns) => ({
        namespace: ns.namespace,
        kv: decodeAsGo(KVRWSetSchema, ns.rwset),
        bytes: ns.rwset,
        collections: ns.collectionHashedRwset.map((collection) => ({
          collection: collection.collectionName,
          hashed: decodeAsGo(HashedRWSetSchema, collection.hashedRwset),
          bytes: collection.hashedRwset,
          privateSetHash: collection.pvtRwsetHash,
        })),
      })),
    };
  } catch (cause) {
    throw refuse("error unmarshaling a namespace of TxReadWriteSet", cause);
  }
}

/** @throws DenimError `bad-read-write-set` */
export function decodePrivateSet(set: TxPvtReadWriteSet): NamespacePrivateSet[] {
  try {
    return set.nsPvtRwset.map((ns) => ({
      namespace: ns.namespace,
      collections: ns.collectionPvtRwset.map((collection) => ({
        collection: collection.collectionName,
        kv: decodeAsGo(KVRWSetSchema, collection.rwset),
        bytes: collection.rwset,
      })),
    }));
  } catch (cause) {
    throw refuse("error unmarshaling TxPvtReadWriteSet", cause);
  }
}

/** A recorded version; heights above 2^53 lose precision but equal no real height either way. */
export function versionOf(version: ProtoVersion | undefined): Version | undefined {
  if (version === undefined) return undefined;
  return { blockNumber: Number(version.blockNum), txNumber: Number(version.txNum) };
}

/** Whether any collection of the set carries private writes. Mirrors Transaction.ContainsPvtWrites. */
export function containsPrivateWrites(set: DecodedReadWriteSet): boolean {
  return set.namespaces.some((ns) => ns.collections.some((c) => c.privateSetHash.length > 0));
}

/** Hash of the private writes of one collection, undefined where the set has none. */
export function privateSetHash(
  set: DecodedReadWriteSet,
  namespace: string,
  collection: string,
): Uint8Array | undefined {
  for (const ns of set.namespaces) {
    if (ns.namespace !== namespace) continue;
    for (const entry of ns.collections) {
      if (entry.collection === collection) return entry.privateSetHash;
    }
  }
  return undefined;
}
