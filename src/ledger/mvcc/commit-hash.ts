/**
 * The chained hash over what each block changed, by which peers compare their states. Mirrors
 * kv_ledger.go (addBlockCommitHash) and privacyenabledstate/update_batch_bytes.go.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { compareUtf8, emptyBytes, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { hashBytes } from "../state/state-key.ts";
import { versionBytes } from "../version.ts";
import type { CollectionUpdates, KeyUpdates, PublicUpdates } from "./update-batch.ts";

/** Fields of the message of one write (KVWriteProto) and of the batch around it. */
const field = { namespace: 1, collection: 2, key: 3, isDelete: 4, value: 5, version: 6 } as const;
const batchWrites = 1;

interface Names {
  /** Written with the first entry of a namespace only. */
  namespace: string;
  /** Written with the first entry of a collection only. */
  collection: string;
}

function writeKeys(
  writer: BinaryWriter,
  updates: KeyUpdates,
  names: Names,
  order: (a: string, b: string) => number,
  bytesOf: (key: string) => Uint8Array,
): void {
  for (const key of [...updates.keys()].sort(order)) {
    const update = updates.get(key);
    if (update === undefined) continue;
    writer.tag(batchWrites, WireType.LengthDelimited).fork();
    if (names.namespace !== "") {
      writer.tag(field.namespace, WireType.LengthDelimited).string(names.namespace);
    }
    if (names.collection !== "") {
      writer.tag(field.collection, WireType.LengthDelimited).string(names.collection);
    }
    const keyBytes = bytesOf(key);
    if (keyBytes.length > 0) writer.tag(field.key, WireType.LengthDelimited).bytes(keyBytes);
    if (update.value === undefined) writer.tag(field.isDelete, WireType.Varint).bool(true);
    else if (update.value.length > 0) {
      writer.tag(field.value, WireType.LengthDelimited).bytes(update.value);
    }
    writer.tag(field.version, WireType.LengthDelimited).bytes(versionBytes(update.version));
    writer.join();
    names.namespace = "";
    names.collection = "";
  }
}

const byteOrder = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;

/**
 * The updates as bytes: namespaces sorted, in each the public keys before the collections. The
 * empty namespace (channel configuration) is left out.
 */
export function deterministicUpdateBytes(
  publicUpdates: PublicUpdates,
  hashedUpdates: CollectionUpdates,
): Uint8Array {
  const writer = new BinaryWriter();
  const namespaces = new Set([...publicUpdates.namespaces(), ...hashedUpdates.namespaces()]);
  for (const namespace of [...namespaces].sort(compareUtf8)) {
    if (namespace === "") continue;
    const names = { namespace, collection: "" };
    const publicKeys = publicUpdates.of(namespace);
    if (publicKeys) writeKeys(writer, publicKeys, names, compareUtf8, utf8);
    const collections = hashedUpdates.collections(namespace);
    for (const collection of [...collections.keys()].sort(compareUtf8)) {
      const keys = collections.get(collection);
      names.collection = collection;
      if (keys) writeKeys(writer, keys, names, byteOrder, hashBytes);
    }
  }
  return writer.finish();
}

/**
 * SHA-256 of: number of transactions as varint, their flags, the updates, the previous commit hash.
 * @param previous undefined for the first block that has one
 */
export function commitHash(
  flags: Uint8Array,
  updateBytes: Uint8Array,
  previous: Uint8Array | undefined,
): Uint8Array {
  const count = new BinaryWriter().uint32(flags.length).finish();
  return sha256(count, flags, updateBytes, previous ?? emptyBytes);
}
