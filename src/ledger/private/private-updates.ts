/**
 * Clear private writes of a block's valid transactions, checked against their public hashes. Mirrors
 * validator/valimpl/helper.go (validateAndPreparePvtBatch).
 */
import { equal, hex } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { TxValidationCode } from "../../gen/peer/transaction_pb.ts";
import type { CommittedState } from "../mvcc/committed-state.ts";
import type { MvccResult, MvccTransaction } from "../mvcc/mvcc.ts";
import { CollectionUpdates } from "../mvcc/update-batch.ts";
import { privateHash, privateKeyHash } from "../rwset/builder.ts";
import {
  containsPrivateWrites,
  decodePrivateSet,
  type NamespacePrivateSet,
  privateSetHash,
} from "../rwset/decode.ts";
import { hashText } from "../state/state-key.ts";
import type { BlockPrivateData, Version } from "../types.ts";
import { sameVersion } from "../version.ts";

interface TouchedKey {
  readonly namespace: string;
  readonly collection: string;
  readonly key: string;
}

/** @throws DenimError `private-data-hash-mismatch` */
function checkHashes(transaction: MvccTransaction, sets: readonly NamespacePrivateSet[]): void {
  for (const { namespace, collections } of sets) {
    for (const { collection, bytes } of collections) {
      const actual = privateHash(bytes);
      const expected = privateSetHash(transaction.set, namespace, collection);
      if (expected !== undefined && equal(actual, expected)) continue;
      throw new DenimError(
        "private-data-hash-mismatch",
        `Hash of pvt data for collection [${namespace}:${collection}] does not match with the corresponding hash in the public data. public hash = [${
          expected ? hex(expected) : ""
        }], pvt data hash = [${hex(actual)}]`,
        { namespace, collection, txNumber: transaction.txNumber },
      );
    }
  }
}

function addWrites(
  sets: readonly NamespacePrivateSet[],
  version: Version,
  updates: CollectionUpdates,
): void {
  for (const { namespace, collections } of sets) {
    for (const { collection, kv } of collections) {
      for (const write of kv.writes) {
        const value = write.isDelete ? undefined : write.value;
        updates.set(namespace, collection, write.key, { value, metadata: undefined, version });
      }
    }
  }
}

/**
 * A metadata write gives a hashed key a new version; the clear key must follow, or reads would take
 * its value for outdated.
 */
function followMetadataWrites(
  touched: Iterable<TouchedKey>,
  updates: CollectionUpdates,
  hashedUpdates: CollectionUpdates,
  state: CommittedState,
): void {
  for (const { namespace, collection, key } of touched) {
    const hashed = hashedUpdates.get(namespace, collection, hashText(privateKeyHash(key)));
    if (hashed === undefined) continue;
    const latest = updates.get(namespace, collection, key) ??
      state.getPrivate(namespace, collection, key);
    if (latest === undefined || sameVersion(latest.version, hashed.version)) continue;
    // Another value here means that this peer lacks the newest private data.
    if (latest.value === undefined || hashed.value === undefined) continue;
    if (!equal(privateHash(latest.value), hashed.value)) continue;
    updates.set(namespace, collection, key, {
      value: latest.value,
      metadata: undefined,
      version: hashed.version,
    });
  }
}

/** @throws DenimError `private-data-hash-mismatch`, `bad-read-write-set` */
export function preparePrivateUpdates(
  blockNumber: number,
  transactions: readonly MvccTransaction[],
  result: MvccResult,
  privateData: BlockPrivateData,
  state: CommittedState,
): CollectionUpdates {
  const updates = new CollectionUpdates();
  const touched = new Map<string, TouchedKey>();
  transactions.forEach((transaction, i) => {
    const { txNumber } = transaction;
    if (result.codes[i] !== TxValidationCode.VALID) return;
    const data = privateData.get(txNumber);
    if (data === undefined || !containsPrivateWrites(transaction.set)) return;
    const sets = decodePrivateSet(data);
    checkHashes(transaction, sets);
    addWrites(sets, { blockNumber, txNumber }, updates);
    for (const { namespace, collections } of sets) {
      for (const { collection, kv } of collections) {
        for (const { key } of kv.metadataWrites) {
          touched.set(JSON.stringify([namespace, collection, key]), { namespace, collection, key });
        }
      }
    }
  });
  followMetadataWrites(touched.values(), updates, result.hashedUpdates, state);
  return updates;
}
