/**
 * All ledgers of a peer: one directory for each channel under one directory, one process at a time.
 * Mirrors core/ledger/kvledger/kv_ledger_provider.go.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Block } from "../gen/common/common_pb.ts";
import { DenimError } from "../base/errors.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { keyValueCheck, type StateDatabaseKind } from "./key-validation.ts";
import { defaultLedgerLimits, type LedgerLimits } from "./limits.ts";
import { type LedgerModules, SqliteLedger } from "./peer-ledger.ts";
import { type BlockToLive, lsccBlockToLive } from "./private/collection-policy.ts";
import type { LedgerMetricsSource } from "./metrics.ts";
import type { IndexFiles } from "./mango/chaincode-indexes.ts";
import { canonicalDocument } from "./mango/json.ts";
import { noRichQueries, type RichQueryEngine } from "./query/rich-query.ts";
import { Database } from "./storage/database.ts";
import { checkFormat, createTables, isCreated } from "./storage/schema.ts";
import type { LedgerProvider, PeerLedger } from "./types.ts";

export interface LedgerProviderOptions {
  /** Made if it is not there. */
  readonly directory: string;
  readonly logger?: Logger;
  readonly limits?: Partial<LedgerLimits>;
  /** Default true, as in Fabric's core.yaml. */
  readonly historyEnabled?: boolean;
  /**
   * Decides which keys are valid, and what JSON objects look like when they are read: as written
   * (`goleveldb`, the default), or as CouchDB gives them back.
   */
  readonly stateDatabase?: StateDatabaseKind;
  /** Default: none, with LevelDB's words. `createMangoEngine` has CouchDB's query language. */
  readonly richQueries?: RichQueryEngine;
  /** Index definitions of installed packages. */
  readonly indexFiles?: IndexFiles;
  /** Default: from the collection definitions in the lscc namespace. */
  readonly blockToLive?: BlockToLive;
  /** Default: nothing is counted. */
  readonly metrics?: LedgerMetricsSource;
}

/** Name of a channel's ledger in its directory. */
export const ledgerFile = "ledger.db";
const transientFile = "transient.db";
const lockFile = "lock.db";

/** Names that are one plain directory; which channel ids are allowed is decided elsewhere. */
export const channelDirectory = /^(?!\.{1,2}$)[^/\\\0]{1,249}$/;

function modulesOf(options: LedgerProviderOptions): LedgerModules {
  return {
    limits: { ...defaultLedgerLimits, ...options.limits },
    logger: options.logger ?? silentLogger,
    historyEnabled: options.historyEnabled ?? true,
    checkKeyValue: keyValueCheck(options.stateDatabase ?? "goleveldb"),
    richQueries: options.richQueries ?? noRichQueries,
    indexFiles: options.indexFiles,
    storedForm: options.stateDatabase === "CouchDB" ? canonicalDocument : undefined,
    blockToLive: options.blockToLive ?? lsccBlockToLive,
    metrics: options.metrics,
  };
}

/** A new, empty ledger in a file of its own; for tools. Its transient store is beside it. */
export function openLedgerFile(
  channelId: string,
  file: string,
  options: LedgerProviderOptions,
): SqliteLedger {
  const modules = modulesOf(options);
  const { writerCacheKiB, lockTimeoutMs } = modules.limits;
  const database = new Database(file, { cacheKiB: writerCacheKiB, lockTimeoutMs });
  try {
    database.transaction(() => createTables(database));
    return new SqliteLedger(channelId, database, `${file}.transient`, modules);
  } catch (cause) {
    database.close();
    throw cause;
  }
}

class DirectoryLedgerProvider implements LedgerProvider {
  readonly #open = new Map<string, SqliteLedger>();
  readonly #directory: string;
  readonly #modules: LedgerModules;
  readonly #lock: Database;
  #closed = false;

  constructor(options: LedgerProviderOptions) {
    this.#directory = options.directory;
    this.#modules = modulesOf(options);
    mkdirSync(this.#directory, { recursive: true });
    this.#lock = lockDirectory(join(this.#directory, lockFile));
  }

  create(channelId: string, genesisBlock: Block): PeerLedger {
    const directory = this.#channelDirectory(channelId);
    if (this.#exists(channelId)) {
      throw new DenimError("ledger-exists", "LedgerID already exists", { channelId });
    }
    mkdirSync(directory, { recursive: true });
    // What a crash in the middle of an earlier attempt left.
    for (const suffix of ["", "-wal", "-shm"]) {
      rmSync(join(directory, ledgerFile + suffix), { force: true });
    }
    const database = this.#database(join(directory, ledgerFile));
    let ledger: SqliteLedger;
    try {
      database.transaction(() => createTables(database));
      ledger = this.#ledger(channelId, database);
    } catch (cause) {
      database.close();
      throw cause;
    }
    try {
      const flags = new Uint8Array(genesisBlock.data?.data.length ?? 0);
      ledger.commit({ block: genesisBlock, flags: flags.fill(TxValidationCode.VALID) });
    } catch (cause) {
      ledger.close();
      rmSync(directory, { recursive: true, force: true });
      throw cause;
    }
    return ledger;
  }

  open(channelId: string): PeerLedger {
    const known = this.#open.get(channelId);
    if (known) return known;
    const file = join(this.#channelDirectory(channelId), ledgerFile);
    if (!existsSync(file)) throw nonExisting(channelId);
    const database = this.#database(file);
    try {
      if (!isCreated(database)) throw nonExisting(channelId);
      checkFormat(database);
      const ledger = this.#ledger(channelId, database);
      if (ledger.info().height === 0) throw nonExisting(channelId);
      ledger.refreshIndexes();
      return ledger;
    } catch (cause) {
      this.#open.delete(channelId);
      database.close();
      throw cause;
    }
  }

  list(): string[] {
    return readdirSync(this.#directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && this.#exists(entry.name))
      .map((entry) => entry.name)
      .sort();
  }

  chaincodeInstalled(): void {
    for (const ledger of this.#open.values()) ledger.refreshIndexes();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const ledger of [...this.#open.values()]) ledger.close();
    this.#lock.close();
  }

  #channelDirectory(channelId: string): string {
    if (!channelDirectory.test(channelId)) {
      throw new DenimError("bad-channel-id", `[${channelId}] cannot be a channel's name`, {
        channelId,
      });
    }
    return join(this.#directory, channelId);
  }

  /** Whether block 0 is there. A file that cannot be read counts: opening it tells why. */
  #exists(channelId: string): boolean {
    if (this.#open.has(channelId)) return true;
    const file = join(this.#channelDirectory(channelId), ledgerFile);
    if (!existsSync(file)) return false;
    let database: Database | undefined;
    try {
      database = this.#database(file);
      return isCreated(database) &&
        database.prepare("SELECT 1 FROM blocks LIMIT 1").get() !== undefined;
    } catch (thrown) {
      if (thrown instanceof DenimError) return true;
      throw thrown;
    } finally {
      database?.close();
    }
  }

  #database(file: string): Database {
    const { writerCacheKiB, lockTimeoutMs } = this.#modules.limits;
    return new Database(file, { cacheKiB: writerCacheKiB, lockTimeoutMs });
  }

  #ledger(channelId: string, database: Database): SqliteLedger {
    const ledger: SqliteLedger = new SqliteLedger(
      channelId,
      database,
      join(this.#channelDirectory(channelId), transientFile),
      this.#modules,
      () => this.#open.delete(channelId),
    );
    this.#open.set(channelId, ledger);
    return ledger;
  }
}

function nonExisting(channelId: string): DenimError {
  return new DenimError("ledger-not-found", "LedgerID does not exist", { channelId });
}

/** A lock that the operating system drops when the process dies, however it dies. */
function lockDirectory(file: string): Database {
  let database: Database | undefined;
  try {
    database = new Database(file, { cacheKiB: 64, lockTimeoutMs: 0, journal: "MEMORY" });
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (cause) {
    database?.close();
    if (!(cause instanceof DenimError) || cause.code !== "ledger-locked") throw cause;
    throw new DenimError(
      "ledger-locked",
      "as another peer node command is executing, wait for that command to complete its execution or terminate it before retrying",
      { file },
      "Stop the other peer that uses this directory.",
      { cause },
    );
  }
}

/**
 * Opens the directory for this process alone.
 * @throws DenimError `ledger-locked`, `ledger-damaged`, `ledger-storage`
 */
export function createLedgerProvider(options: LedgerProviderOptions): LedgerProvider {
  return new DirectoryLedgerProvider(options);
}
