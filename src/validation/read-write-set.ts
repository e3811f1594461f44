/** A transaction's read-write set with its inner bytes decoded. Mirrors ledger/kvledger rwsetutil. */
import { TxReadWriteSetSchema } from "../gen/ledger/rwset/rwset_pb.ts";
import {
  type HashedRWSet,
  HashedRWSetSchema,
  type KVRWSet,
  KVRWSetSchema,
} from "../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import type { ApplicationCapabilities } from "../channel/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";

export interface CollectionSet {
  readonly collection: string;
  readonly hashed: HashedRWSet;
  /** SHA-256 of the serialized private write set. */
  readonly privateHash: Uint8Array;
}

export interface NamespaceSet {
  readonly namespace: string;
  readonly publicSet: KVRWSet;
  readonly collections: readonly CollectionSet[];
}

/** @throws DenimError `bad-protobuf` */
export function decodeReadWriteSet(bytes: Uint8Array): readonly NamespaceSet[] {
  return decodeAsGo(TxReadWriteSetSchema, bytes).nsRwset.map((set) => ({
    namespace: set.namespace,
    publicSet: decodeAsGo(KVRWSetSchema, set.rwset),
    collections: set.collectionHashedRwset.map((collection) => ({
      collection: collection.collectionName,
      hashed: decodeAsGo(HashedRWSetSchema, collection.hashedRwset),
      privateHash: collection.pvtRwsetHash,
    })),
  }));
}

/** Does it write, as far as the channel's capabilities look? Mirrors txWritesToNamespace. */
export function writesToNamespace(
  set: NamespaceSet,
  capabilities: Pick<ApplicationCapabilities, "privateChannelData" | "keyLevelEndorsement">,
): boolean {
  const keyLevel = capabilities.keyLevelEndorsement;
  if (set.publicSet.writes.length > 0) return true;
  if (capabilities.privateChannelData) {
    for (const { hashed } of set.collections) {
      if (hashed.hashedWrites.length > 0) return true;
      if (keyLevel && hashed.metadataWrites.length > 0) return true;
    }
  }
  return keyLevel && set.publicSet.metadataWrites.length > 0;
}
