/** Metadata of a key as stored: named entries. Mirrors core/ledger/kvledger/txmgmt/storageutil. */
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  KVMetadataEntrySchema,
  KVMetadataWriteSchema,
} from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { compareUtf8 } from "../../base/bytes.ts";
import { encodeWire } from "../../protocol/wire-encoder.ts";

export interface MetadataEntry {
  readonly name: string;
  readonly value: Uint8Array;
}

/** Name of the entry that holds a key's endorsement policy (a SignaturePolicyEnvelope). */
export const validationParameterEntry = "VALIDATION_PARAMETER";

/** The bytes kept in the world state: entries in the order given. */
export function encodeMetadataEntries(entries: readonly MetadataEntry[]): Uint8Array {
  return encodeWire(
    KVMetadataWriteSchema,
    create(KVMetadataWriteSchema, {
      entries: entries.map(({ name, value }) => create(KVMetadataEntrySchema, { name, value })),
    }),
  );
}

/** Entries of stored bytes; undefined where a key has no metadata. A later entry of a name wins. */
export function decodeMetadataEntries(
  stored: Uint8Array | undefined,
): Map<string, Uint8Array> | undefined {
  if (stored === undefined) return undefined;
  const { entries } = fromBinary(KVMetadataWriteSchema, stored);
  return new Map(entries.map(({ name, value }) => [name, value]));
}

/** Entries of a map, sorted by name as they appear in a write set. */
export function sortedEntries(metadata: ReadonlyMap<string, Uint8Array>): MetadataEntry[] {
  return [...metadata].sort(([a], [b]) => compareUtf8(a, b))
    .map(([name, value]) => ({ name, value }));
}
