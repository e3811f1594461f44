/**
 * The ordering service's blocks of all channels in one SQLite file. A block is on disk (write-ahead
 * log, `synchronous=FULL`) before anyone sees it; after kill -9 the file holds whole blocks only.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { type Block, BlockSchema } from "../gen/common/common_pb.ts";
import { Database } from "../ledger/storage/database.ts";
import { ordererError } from "./orderer-error.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

/** Name of the file in the orderer's data directory. */
export const ordererDatabaseFile = "orderer.db";

const pageCacheKiB = 8 * 1024;
const lockTimeoutMs = 2_000;

/** "DNIO" as SQLite's application id. */
const applicationId = 0x444e494f;
const formatVersion = 1;

/** One block for one channel. */
export interface BlockEntry {
  readonly channelId: string;
  readonly block: Block;
}

export class OrdererBlockStore {
  readonly file: string;
  readonly #database: Database;

  /** @throws DenimError `ledger-damaged`, `ledger-locked`, `ledger-storage`, `damaged-chain` */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.file = join(directory, ordererDatabaseFile);
    this.#database = new Database(this.file, { cacheKiB: pageCacheKiB, lockTimeoutMs });
    try {
      this.#prepare();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  #prepare(): void {
    const pragma = (name: string) =>
      Number(Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
    // One process per data directory: the lock is taken with the first write and kept.
    this.#database.exec("PRAGMA locking_mode=EXCLUSIVE");
    this.#database.transaction(() => {
      const [id, version] = [pragma("application_id"), pragma("user_version")];
      if (id === applicationId && version === formatVersion) return;
      const objects = this.#database.prepare("SELECT count(*) AS count FROM sqlite_master").get();
      if (id !== 0 || version !== 0 || Number(objects?.count) > 0) {
        throw ordererError(
          "damaged-chain",
          `${this.file} is not an orderer database of this version`,
          { file: this.file, id, version },
          "Move the file away, or use another data directory.",
        );
      }
      this.#database.exec(
        `CREATE TABLE blocks (
           channel TEXT NOT NULL,
           number INTEGER NOT NULL,
           block BLOB NOT NULL,
           PRIMARY KEY (channel, number))`,
      );
      this.#database.exec(`PRAGMA application_id=${applicationId}`);
      this.#database.exec(`PRAGMA user_version=${formatVersion}`);
    });
  }

  channelIds(): string[] {
    return this.#database.prepare("SELECT DISTINCT channel FROM blocks ORDER BY channel").all()
      .map((row) => String(row.channel));
  }

  /** Number of blocks of a channel; 0 where there is no such channel. */
  height(channelId: string): number {
    const row = this.#database.prepare("SELECT max(number) AS last FROM blocks WHERE channel=?")
      .get(channelId);
    return typeof row?.last === "number" ? row.last + 1 : 0;
  }

  /** @throws DenimError `damaged-chain` where the block is not there or cannot be read */
  block(channelId: string, number: number): Block {
    const row = this.#database.prepare("SELECT block FROM blocks WHERE channel=? AND number=?")
      .get(channelId, number);
    const bytes = row?.block;
    try {
      if (!(bytes instanceof Uint8Array)) throw new Error("it is not there");
      return fromBinary(BlockSchema, bytes);
    } catch (cause) {
      throw ordererError(
        "damaged-chain",
        `block ${number} of channel ${channelId} cannot be read from ${this.file}: ${
          cause instanceof Error ? cause.message : cause
        }`,
        { channelId, number, file: this.file },
        "Restore the file from a backup.",
        { cause },
      );
    }
  }

  /** Appends blocks, all or none. @throws DenimError `disk-full`, `ledger-storage` */
  append(...entries: BlockEntry[]): void {
    this.#database.transaction(() => {
      const insert = this.#database.prepare("INSERT INTO blocks VALUES (?, ?, ?)");
      for (const { channelId, block } of entries) {
        insert.run(channelId, Number(block.header?.number), encodeWire(BlockSchema, block));
      }
    });
  }

  close(): void {
    this.#database.close();
  }
}
