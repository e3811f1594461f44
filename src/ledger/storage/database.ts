/** One SQLite file: opening with the right settings, cached statements, errors that name the file. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { DenimError, messageOf } from "../../base/errors.ts";

export type Row = Record<string, unknown>;

export interface DatabaseOptions {
  readonly readOnly?: boolean;
  readonly cacheKiB: number;
  readonly lockTimeoutMs: number;
  /** Default WAL: readers and the writer do not wait for each other. */
  readonly journal?: "WAL" | "MEMORY";
}

/** Bytes per page: measured best for envelopes of a few kilobytes beside small state rows. */
const pageBytes = 16_384;

const closedTexts = ["database is not open", "statement has been finalized"];
const damagedTexts = ["file is not a database", "malformed", "file is encrypted"];

function explain(file: string, cause: unknown): DenimError {
  if (cause instanceof DenimError) return cause;
  const reason = messageOf(cause);
  const facts = { file, reason };
  const options = { cause };
  if (damagedTexts.some((text) => reason.includes(text))) {
    return new DenimError(
      "ledger-damaged",
      `the ledger database ${file} is damaged: ${reason}`,
      facts,
      "Stop the peer and run 'denim node rebuild-dbs', which makes its state anew from its blocks; " +
        "where blocks are damaged too, 'denim node reset' gets them again from an orderer. Where " +
        "that fails as well, remove the channel's directory and join the channel again.",
      options,
    );
  }
  if (closedTexts.some((text) => reason.includes(text))) {
    return new DenimError(
      "ledger-closed",
      `the ledger ${file} is closed`,
      facts,
      undefined,
      options,
    );
  }
  if (reason.includes("database or disk is full") || hitsFullDisk(file, reason)) {
    return new DenimError(
      "disk-full",
      `no space left for the ledger database ${file}`,
      facts,
      "Free some disk space; the peer tries again by itself.",
      options,
    );
  }
  if (reason.includes("database is locked")) {
    return new DenimError(
      "ledger-locked",
      `the ledger database ${file} is in use by another process`,
      facts,
      "Stop the other peer that uses this directory.",
      options,
    );
  }
  return new DenimError(
    "ledger-storage",
    `the ledger database ${file} could not be used: ${reason}`,
    facts,
    "Check that the directory exists, is writable and that its disk works.",
    options,
  );
}

/** Less room than this on a disk is none: SQLite wants whole pages, and some for its log. */
const minFreeBytes = 256 * 1024;

/** SQLite reports a full disk as an I/O error where it happens in its shared memory or log. */
function hitsFullDisk(file: string, reason: string): boolean {
  if (!reason.includes("disk I/O error")) return false;
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return bavail * bsize < minFreeBytes;
  } catch {
    return false;
  }
}

/** A prepared statement whose errors name the file. */
export class Statement {
  constructor(readonly file: string, readonly inner: StatementSync) {}

  get(...values: SQLInputValue[]): Row | undefined {
    try {
      return this.inner.get(...values);
    } catch (cause) {
      throw explain(this.file, cause);
    }
  }

  all(...values: SQLInputValue[]): Row[] {
    try {
      return this.inner.all(...values);
    } catch (cause) {
      throw explain(this.file, cause);
    }
  }

  /** Row id of the row inserted. */
  insert(...values: SQLInputValue[]): number {
    try {
      return Number(this.inner.run(...values).lastInsertRowid);
    } catch (cause) {
      throw explain(this.file, cause);
    }
  }

  /** Number of rows changed. */
  run(...values: SQLInputValue[]): number {
    try {
      return Number(this.inner.run(...values).changes);
    } catch (cause) {
      throw explain(this.file, cause);
    }
  }
}

/** A connection. Not shared between threads; statements are kept by their text. */
export class Database {
  readonly #inner: DatabaseSync;
  readonly #statements = new Map<string, Statement>();
  #open = true;
  #forced = true;

  /** @throws DenimError `ledger-damaged`, `ledger-locked`, `ledger-storage` */
  constructor(readonly file: string, options: DatabaseOptions) {
    try {
      this.#inner = new DatabaseSync(file, { readOnly: options.readOnly ?? false });
    } catch (cause) {
      throw explain(file, cause);
    }
    try {
      this.exec(`PRAGMA busy_timeout=${options.lockTimeoutMs}`);
      if (!options.readOnly) {
        this.exec(`PRAGMA page_size=${pageBytes}`);
        this.exec(`PRAGMA journal_mode=${options.journal ?? "WAL"}`);
        this.exec("PRAGMA synchronous=FULL");
      }
      this.exec(`PRAGMA cache_size=-${options.cacheKiB}`);
      this.exec("PRAGMA temp_store=MEMORY");
    } catch (cause) {
      this.close();
      throw cause;
    }
  }

  /**
   * Whether a transaction is on the disk when it ends (the default), or only with the next one that
   * is. Either way it survives the end of the process, and is there as a whole or not at all.
   */
  forceToDisk(force: boolean): void {
    if (force === this.#forced) return;
    this.exec(`PRAGMA synchronous=${force ? "FULL" : "NORMAL"}`);
    this.#forced = force;
  }

  exec(sql: string): void {
    try {
      this.#inner.exec(sql);
    } catch (cause) {
      throw explain(this.file, cause);
    }
  }

  prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      try {
        statement = new Statement(this.file, this.#inner.prepare(sql));
      } catch (cause) {
        throw explain(this.file, cause);
      }
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs `work` in one write transaction: all of it is kept or nothing. */
  transaction<T>(work: () => T): T {
    this.exec("BEGIN IMMEDIATE");
    let result: T;
    try {
      result = work();
      this.exec("COMMIT");
    } catch (cause) {
      this.#rollBack();
      throw cause;
    }
    return result;
  }

  /** SQLite may have rolled back by itself (disk full); that is not another error. */
  #rollBack(): void {
    try {
      this.#inner.exec("ROLLBACK");
    } catch (cause) {
      if (!messageOf(cause).includes("no transaction is active")) throw explain(this.file, cause);
    }
  }

  /** Safe to call twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#statements.clear();
    this.#inner.close();
  }
}
