/**
 * Private write sets by block and transaction, those of invalid transactions too, and a list of what
 * this peer lacks. Mirrors core/ledger/pvtdatastorage.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  CollectionPvtReadWriteSetSchema,
  NsPvtReadWriteSetSchema,
  type TxPvtReadWriteSet,
  TxPvtReadWriteSetSchema,
} from "../../gen/ledger/rwset/rwset_pb.ts";
import type { Database } from "../storage/database.ts";
import type { BlockPrivateData, MissingPrivateData } from "../types.ts";
import { expiringBlock } from "./collection-policy.ts";
import type { CollectionLifetime } from "./state-expiry.ts";
import { encodeWire } from "../../protocol/wire-encoder.ts";

/** Inside the block's transaction. */
export function storePrivateData(
  database: Database,
  block: number,
  data: BlockPrivateData,
  missing: readonly MissingPrivateData[],
  lifetime: CollectionLifetime,
): void {
  const expires = (namespace: string, collection: string) =>
    expiringBlock(block, lifetime(namespace, collection)) ?? null;
  const insertData = database.prepare(
    `INSERT OR REPLACE INTO private_data (block, tx, namespace, collection, expires, write_set)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );
  for (const [txNumber, set] of data) {
    for (const { namespace, collectionPvtRwset } of set.nsPvtRwset) {
      for (const collection of collectionPvtRwset) {
        insertData.run(
          block,
          txNumber,
          namespace,
          collection.collectionName,
          expires(namespace, collection.collectionName),
          encodeWire(CollectionPvtReadWriteSetSchema, collection),
        );
      }
    }
  }
  const insertMissing = database.prepare(
    `INSERT OR REPLACE INTO missing_private_data
       (block, tx, namespace, collection, eligible, expires) VALUES (?, ?, ?, ?, ?, ?)`,
  );
  for (const { txNumber, namespace, collection, eligible } of missing) {
    insertMissing.run(
      block,
      txNumber,
      namespace,
      collection,
      eligible ? 1 : 0,
      expires(namespace, collection),
    );
  }
}

/** Removes what lives no longer once `block` is committed. Inside the block's transaction. */
export function expirePrivateData(database: Database, block: number): void {
  database.prepare("DELETE FROM private_data WHERE expires <= ?").run(block);
  database.prepare("DELETE FROM missing_private_data WHERE expires <= ?").run(block);
}

/** Private write sets of a block by transaction number. */
export function privateDataOfBlock(database: Database, block: number): BlockPrivateData {
  const rows = database.prepare(
    `SELECT tx, namespace, write_set FROM private_data WHERE block = ?
     ORDER BY tx, namespace, collection`,
  ).all(block);
  const sets = new Map<number, TxPvtReadWriteSet>();
  for (const row of rows) {
    const txNumber = row.tx as number;
    let set = sets.get(txNumber);
    if (set === undefined) {
      set = create(TxPvtReadWriteSetSchema);
      sets.set(txNumber, set);
    }
    let namespace = set.nsPvtRwset.at(-1);
    if (namespace === undefined || namespace.namespace !== row.namespace) {
      namespace = create(NsPvtReadWriteSetSchema, { namespace: row.namespace as string });
      set.nsPvtRwset.push(namespace);
    }
    namespace.collectionPvtRwset.push(
      fromBinary(CollectionPvtReadWriteSetSchema, row.write_set as Uint8Array),
    );
  }
  return sets;
}

/** What this peer lacks, newest blocks first, of at most `maxBlocks` blocks below `belowBlock`. */
export function missingPrivateData(
  database: Database,
  maxBlocks: number,
  belowBlock = Number.MAX_SAFE_INTEGER,
): (MissingPrivateData & { readonly blockNumber: number })[] {
  return database.prepare(
    `SELECT block, tx, namespace, collection, eligible FROM missing_private_data
     WHERE block IN (SELECT DISTINCT block FROM missing_private_data WHERE block < ?
                     ORDER BY block DESC LIMIT ?)
     ORDER BY block DESC, tx, namespace, collection`,
  ).all(belowBlock, maxBlocks).map((row) => ({
    blockNumber: row.block as number,
    txNumber: row.tx as number,
    namespace: row.namespace as string,
    collection: row.collection as string,
    eligible: row.eligible === 1,
  }));
}

/** What this peer lacks of one block. */
export function missingOfBlock(database: Database, block: number): MissingPrivateData[] {
  return database.prepare(
    `SELECT tx, namespace, collection, eligible FROM missing_private_data WHERE block = ?
     ORDER BY tx, namespace, collection`,
  ).all(block).map((row) => ({
    txNumber: row.tx as number,
    namespace: row.namespace as string,
    collection: row.collection as string,
    eligible: row.eligible === 1,
  }));
}

/** Copies the write sets of blocks after `block` into another ledger, for when these blocks come again. */
export function copyPrivateData(source: Database, target: Database, block: number): void {
  const columns = "block, tx, namespace, collection, expires, write_set";
  const rows = source.prepare(`SELECT ${columns} FROM private_data WHERE block > ?`).all(block);
  target.transaction(() => {
    const insert = target.prepare(
      `INSERT OR REPLACE INTO private_data (${columns}) VALUES (?, ?, ?, ?, ?, ?)`,
    );
    for (const row of rows) {
      insert.run(
        row.block as number,
        row.tx as number,
        row.namespace as string,
        row.collection as string,
        row.expires as number | null,
        row.write_set as Uint8Array,
      );
    }
  });
}

/** The newest block that has write sets, -1 where none has. */
export function newestPrivateBlock(database: Database): number {
  const row = database.prepare("SELECT MAX(block) AS block FROM private_data").get();
  return (row?.block as number | null | undefined) ?? -1;
}
