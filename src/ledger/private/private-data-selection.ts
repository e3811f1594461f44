/**
 * Which of the private write sets that endorsements left behind belong to a block: those whose hash
 * is in the transaction. Mirrors the part of gossip/privdata/coordinator.go that needs no network.
 */
import { create } from "@bufbuild/protobuf";
import {
  type CollectionPvtReadWriteSet,
  NsPvtReadWriteSetSchema,
  type TxPvtReadWriteSet,
  TxPvtReadWriteSetSchema,
} from "../../gen/ledger/rwset/rwset_pb.ts";
import { equal } from "../../base/bytes.ts";
import { privateHash } from "../rwset/builder.ts";
import type { DecodedReadWriteSet } from "../rwset/decode.ts";

export interface SelectedPrivateData {
  /** Collections found, sorted as in the transaction; undefined where none was. */
  readonly found: TxPvtReadWriteSet | undefined;
  /** Collections whose private writes nobody here has. */
  readonly missing: readonly { readonly namespace: string; readonly collection: string }[];
}

function matching(
  candidates: readonly TxPvtReadWriteSet[],
  namespace: string,
  collection: string,
  hash: Uint8Array,
): CollectionPvtReadWriteSet | undefined {
  for (const candidate of candidates) {
    for (const ns of candidate.nsPvtRwset) {
      if (ns.namespace !== namespace) continue;
      for (const entry of ns.collectionPvtRwset) {
        if (entry.collectionName === collection && equal(privateHash(entry.rwset), hash)) {
          return entry;
        }
      }
    }
  }
  return undefined;
}

/** @param candidates what the transient store holds for the transaction's id */
export function selectPrivateData(
  set: DecodedReadWriteSet,
  candidates: readonly TxPvtReadWriteSet[],
): SelectedPrivateData {
  const found = create(TxPvtReadWriteSetSchema);
  const missing: { namespace: string; collection: string }[] = [];
  for (const { namespace, collections } of set.namespaces) {
    const ns = create(NsPvtReadWriteSetSchema, { namespace });
    for (const { collection, privateSetHash } of collections) {
      if (privateSetHash.length === 0) continue;
      const entry = matching(candidates, namespace, collection, privateSetHash);
      if (entry) ns.collectionPvtRwset.push(entry);
      else missing.push({ namespace, collection });
    }
    if (ns.collectionPvtRwset.length > 0) found.nsPvtRwset.push(ns);
  }
  return { found: found.nsPvtRwset.length > 0 ? found : undefined, missing };
}
