/**
 * Private write sets of endorsed transactions until they commit, in a file of their own beside the
 * ledger. Mirrors core/transientstore/store.go.
 */
import { existsSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import { type TxPvtReadWriteSet, TxPvtReadWriteSetSchema } from "../gen/ledger/rwset/rwset_pb.ts";
import { DenimError } from "../base/errors.ts";
import type { LedgerLimits } from "./limits.ts";
import { Database } from "./storage/database.ts";
import type { TransientStore } from "./types.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

const table = `CREATE TABLE IF NOT EXISTS transient (
  id INTEGER PRIMARY KEY,
  txid TEXT NOT NULL,
  height INTEGER NOT NULL,
  write_set BLOB NOT NULL,
  collection_configs BLOB);
CREATE INDEX IF NOT EXISTS transient_by_txid ON transient(txid);
CREATE INDEX IF NOT EXISTS transient_by_height ON transient(height);`;

/** Opens its file when there is something to keep: most channels have no private data. */
export class FileTransientStore implements TransientStore {
  #opened: Database | undefined;
  #closed = false;

  constructor(readonly file: string, readonly limits: LedgerLimits) {}

  persist(
    txId: string,
    endorsementHeight: number,
    set: TxPvtReadWriteSet,
    collectionConfigs?: Uint8Array,
  ): void {
    this.#open().prepare(
      "INSERT INTO transient (txid, height, write_set, collection_configs) VALUES (?, ?, ?, ?)",
    ).run(
      txId,
      endorsementHeight,
      encodeWire(TxPvtReadWriteSetSchema, set),
      collectionConfigs ?? null,
    );
  }

  get(txId: string): readonly TxPvtReadWriteSet[] {
    return this.#existing()?.prepare("SELECT write_set FROM transient WHERE txid = ? ORDER BY id")
      .all(txId)
      .map((row) => fromBinary(TxPvtReadWriteSetSchema, row.write_set as Uint8Array)) ?? [];
  }

  purgeByTxIds(txIds: readonly string[]): void {
    const database = this.#existing();
    if (database === undefined || txIds.length === 0) return;
    database.transaction(() => {
      const statement = database.prepare("DELETE FROM transient WHERE txid = ?");
      for (const txId of txIds) statement.run(txId);
    });
  }

  /** Keeps sets endorsed at `height` or higher. */
  purgeBelowHeight(height: number): void {
    this.#existing()?.prepare("DELETE FROM transient WHERE height < ?").run(height);
  }

  /** Lowest endorsement height kept; undefined where nothing is. */
  minHeight(): number | undefined {
    const row = this.#existing()?.prepare("SELECT MIN(height) AS height FROM transient").get();
    return (row?.height as number | null | undefined) ?? undefined;
  }

  close(): void {
    this.#closed = true;
    this.#opened?.close();
    this.#opened = undefined;
  }

  #existing(): Database | undefined {
    return this.#opened ?? (this.#closed || existsSync(this.file) ? this.#open() : undefined);
  }

  #open(): Database {
    if (this.#closed) {
      throw new DenimError("ledger-closed", `the transient store ${this.file} is closed`, {
        file: this.file,
      });
    }
    if (this.#opened === undefined) {
      const database = new Database(this.file, {
        cacheKiB: this.limits.readerCacheKiB,
        lockTimeoutMs: this.limits.lockTimeoutMs,
      });
      database.exec(table);
      this.#opened = database;
    }
    return this.#opened;
  }
}
