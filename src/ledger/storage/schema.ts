/** Tables of a channel's ledger, and the check that a file has them. */
import { DenimError } from "../../base/errors.ts";
import { richIndexTables } from "../mango/index-store.ts";
import type { Database } from "./database.ts";

/** Raised whenever tables or encodings change; stored as SQLite's user_version. */
export const ledgerFormatVersion = 2;

/** "DNIM": tells our files from other SQLite files. */
export const ledgerApplicationId = 0x444e494d;

const tables = [
  `CREATE TABLE blocks (
     number INTEGER PRIMARY KEY,
     first_tx INTEGER NOT NULL,
     tx_count INTEGER NOT NULL,
     header_hash BLOB NOT NULL,
     header BLOB NOT NULL,
     metadata BLOB NOT NULL)`,
  `CREATE INDEX block_by_hash ON blocks(header_hash)`,
  // ordinal counts transactions from the first of block 0: order of commit.
  `CREATE TABLE transactions (
     ordinal INTEGER PRIMARY KEY,
     block INTEGER NOT NULL,
     code INTEGER NOT NULL,
     short_id INTEGER,
     txid TEXT,
     envelope BLOB NOT NULL)`,
  // An index of short numbers: entries land all over it, so its size is what a commit writes.
  `CREATE INDEX transaction_by_id ON transactions(short_id) WHERE short_id IS NOT NULL`,
  `CREATE TABLE state (
     key BLOB PRIMARY KEY,
     block INTEGER NOT NULL,
     tx INTEGER NOT NULL,
     history INTEGER,
     metadata BLOB,
     value BLOB NOT NULL)`,
  // One row for each write of a key, appended: from a key's last write one walks to the earlier.
  `CREATE TABLE history (
     id INTEGER PRIMARY KEY,
     previous INTEGER,
     ordinal INTEGER NOT NULL)`,
  // Last writes of keys that are deleted; the others have theirs in the state.
  `CREATE TABLE deleted_history (key BLOB PRIMARY KEY, history INTEGER NOT NULL)`,
  `CREATE TABLE private_data (
     block INTEGER NOT NULL,
     tx INTEGER NOT NULL,
     namespace TEXT NOT NULL,
     collection TEXT NOT NULL,
     expires INTEGER,
     write_set BLOB NOT NULL,
     PRIMARY KEY (block, tx, namespace, collection))`,
  `CREATE INDEX private_data_expiry ON private_data(expires) WHERE expires IS NOT NULL`,
  `CREATE TABLE missing_private_data (
     block INTEGER NOT NULL,
     tx INTEGER NOT NULL,
     namespace TEXT NOT NULL,
     collection TEXT NOT NULL,
     eligible INTEGER NOT NULL,
     expires INTEGER,
     PRIMARY KEY (block, tx, namespace, collection))`,
  `CREATE INDEX missing_private_data_expiry ON missing_private_data(expires)
     WHERE expires IS NOT NULL`,
  // Keys of the world state that die with a block: key is empty where only the hash is known.
  `CREATE TABLE state_expiry (
     expires INTEGER NOT NULL,
     committed INTEGER NOT NULL,
     namespace TEXT NOT NULL,
     collection TEXT NOT NULL,
     key TEXT NOT NULL,
     key_hash BLOB NOT NULL)`,
  `CREATE INDEX state_expiry_by_block ON state_expiry(expires)`,
  ...richIndexTables,
];

/** Makes the tables in the transaction that is open. */
export function createTables(database: Database): void {
  for (const sql of tables) database.exec(sql);
  database.exec(`PRAGMA application_id=${ledgerApplicationId}`);
  database.exec(`PRAGMA user_version=${ledgerFormatVersion}`);
}

function pragma(database: Database, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
}

/** Whether the tables are there; a ledger that can be used has block 0 too. */
export function isCreated(database: Database): boolean {
  return pragma(database, "user_version") !== 0;
}

/** @throws DenimError `ledger-format` where the file is of another program or version */
export function checkFormat(database: Database): void {
  const version = pragma(database, "user_version");
  if (pragma(database, "application_id") !== ledgerApplicationId) {
    throw new DenimError(
      "ledger-format",
      `${database.file} is not a ledger database of Denim`,
      { file: database.file },
      "Move the file away; the peer keeps ledgers only in its own directory.",
    );
  }
  if (version !== ledgerFormatVersion) {
    throw new DenimError(
      "ledger-format",
      `the ledger database ${database.file} has format ${version}, this program needs format ${ledgerFormatVersion}`,
      { file: database.file, version, expected: ledgerFormatVersion },
      version > ledgerFormatVersion
        ? "Use the newer Denim that wrote it."
        : "Remove the channel's directory and join the channel again.",
    );
  }
}
