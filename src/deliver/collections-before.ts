/**
 * A chaincode's collections as they were before a block. Mirrors
 * core/ledger/confighistory (MostRecentCollectionConfigBelow), without a database of its own: the
 * definitions are keys of lscc, and the ledger keeps the history of keys.
 */
import { DenimError } from "../base/errors.ts";
import type { CollectionConfigPackage } from "../gen/common/collection_pb.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { collectionConfigKey, lsccNamespace } from "../ledger/private/collection-policy.ts";
import type { PeerLedger } from "../ledger/types.ts";
import { tryDecode } from "../protocol/decode.ts";

type Source = Pick<PeerLedger, "newHistoryExecutor" | "newQueryExecutor" | "blockByTxId">;

/**
 * The newest definition that a block before this one committed; undefined where there is none. A
 * peer that keeps no history of keys answers with today's definition.
 */
export function collectionsBefore(
  ledger: Source,
  blockNumber: number,
  chaincode: string,
): CollectionConfigPackage | undefined {
  const key = collectionConfigKey(chaincode);
  let bytes: Uint8Array | undefined;
  try {
    bytes = definitionBefore(ledger, BigInt(blockNumber), key);
  } catch (error) {
    if (!(error instanceof DenimError && error.code === "history-disabled")) throw error;
    bytes = definitionNow(ledger, key);
  }
  return bytes && tryDecode(CollectionConfigPackageSchema, bytes);
}

function definitionBefore(ledger: Source, before: bigint, key: string): Uint8Array | undefined {
  const history = ledger.newHistoryExecutor();
  try {
    let found: Uint8Array | undefined;
    const changes = history.getHistoryForKey(lsccNamespace, key); // oldest first
    for (let change = changes.next(); change; change = changes.next()) {
      const { number = 0n } = ledger.blockByTxId(change.txId).header ?? {};
      if (number >= before) break;
      found = change.isDelete ? undefined : change.value;
    }
    return found;
  } finally {
    history.done();
  }
}

function definitionNow(ledger: Source, key: string): Uint8Array | undefined {
  const state = ledger.newQueryExecutor();
  try {
    return state.getState(lsccNamespace, key);
  } finally {
    state.done();
  }
}
