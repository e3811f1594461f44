/**
 * What the ledger needs to know of collections: which exist and how long their data lives. Read from
 * the lscc namespace, where a chaincode's definition puts them. Mirrors
 * core/scc/lscc/deployedcc_infoprovider.go and core/ledger/pvtdatapolicy/btlpolicy.go.
 */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type CollectionConfigPackage,
  CollectionConfigPackageSchema,
  type StaticCollectionConfig,
} from "../../gen/common/collection_pb.ts";

export const lsccNamespace = "lscc";

/** Key of a chaincode's collections in the lscc namespace. */
export function collectionConfigKey(chaincode: string): string {
  return `${chaincode}~collection`;
}

/** Reads committed state; a simulator records what is read through it. */
export type StateGetter = (namespace: string, key: string) => Uint8Array | undefined;

/** The collections of a chaincode; undefined where it has none. */
export function collectionsOf(
  getState: StateGetter,
  chaincode: string,
): CollectionConfigPackage | undefined {
  const stored = getState(lsccNamespace, collectionConfigKey(chaincode));
  return stored === undefined ? undefined : fromBinary(CollectionConfigPackageSchema, stored);
}

/** One collection's static configuration; undefined where it is not defined. */
export function collectionOf(
  getState: StateGetter,
  chaincode: string,
  collection: string,
): StaticCollectionConfig | undefined {
  for (const { payload } of collectionsOf(getState, chaincode)?.config ?? []) {
    if (payload.case === "staticCollectionConfig" && payload.value.name === collection) {
      return payload.value;
    }
  }
  return undefined;
}

/**
 * How many blocks private data of a collection lives after the block that wrote it; undefined for
 * ever (also for a collection that nobody defined: its data cannot be asked for).
 */
export type BlockToLive = (
  getState: StateGetter,
  namespace: string,
  collection: string,
) => number | undefined;

/** `BlockToLive` from the collection's definition; 0 there means for ever. */
export const lsccBlockToLive: BlockToLive = (getState, namespace, collection) => {
  const blocks = Number(collectionOf(getState, namespace, collection)?.blockToLive ?? 0n);
  return blocks > 0 ? blocks : undefined;
};

/** The block with which data written by `committingBlock` is gone; undefined for never. */
export function expiringBlock(
  committingBlock: number,
  blocksToLive: number | undefined,
): number | undefined {
  if (blocksToLive === undefined) return undefined;
  const block = committingBlock + blocksToLive + 1;
  return Number.isSafeInteger(block) ? block : undefined;
}
