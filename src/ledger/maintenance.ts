/**
 * Offline work on a stopped peer's ledgers: going back to an earlier block, and making state, history
 * and indexes anew from the blocks. Mirrors core/ledger/kvledger/{rollback,reset}.go.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DenimError, messageOf } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import { BlockMetadataIndex } from "../gen/common/common_pb.ts";
import { metadataSlot } from "../protocol/block.ts";
import { BlockStore } from "./block/block-store.ts";
import {
  channelDirectory,
  createLedgerProvider,
  ledgerFile,
  type LedgerProviderOptions,
  openLedgerFile,
} from "./ledger-provider.ts";
import { defaultLedgerLimits } from "./limits.ts";
import type { SqliteLedger } from "./peer-ledger.ts";
import { recordPreResetHeight } from "./pre-reset-height.ts";
import {
  copyPrivateData,
  missingOfBlock,
  privateDataOfBlock,
} from "./private/private-data-store.ts";
import { Database } from "./storage/database.ts";
import { checkFormat } from "./storage/schema.ts";

export interface MaintenanceOptions extends LedgerProviderOptions {
  readonly channelId: string;
}

function sourceOf(file: string): Database {
  const { writerCacheKiB: cacheKiB, lockTimeoutMs } = { ...defaultLedgerLimits };
  const source = new Database(file, { cacheKiB, lockTimeoutMs });
  try {
    checkFormat(source);
    return source;
  } catch (cause) {
    source.close();
    throw cause;
  }
}

/** Commits blocks 0 to `newest` of `source` into a new ledger, with the flags they have. */
function recommit(source: Database, ledger: SqliteLedger, newest: number): void {
  const blocks = new BlockStore(source);
  for (let number = 0; number <= newest; number++) {
    const block = blocks.byNumber(number);
    ledger.commit({
      block,
      flags: metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER),
      privateData: privateDataOfBlock(source, number),
      missingPrivateData: missingOfBlock(source, number),
    });
  }
}

interface Rebuild extends MaintenanceOptions {
  /** The number of the newest block that stays, given the newest there is. */
  readonly newestBlock: (tip: number) => number;
  /** Whether blocks go away: the peer must get them again before it endorses. */
  readonly shortens: boolean;
  /** Go on where the newest block or later private data cannot be read any more. */
  readonly lenient: boolean;
}

/** Makes a channel's file anew beside the old one, which stays until the new one is whole. */
function rebuild(options: Rebuild): void {
  const { directory, channelId, logger = silentLogger } = options;
  const folder = join(directory, channelId);
  const file = join(folder, ledgerFile);
  const target = `${file}.rebuild`;
  for (const suffix of ["", "-wal", "-shm"]) rmSync(target + suffix, { force: true });
  const source = sourceOf(file);
  try {
    const tip = newestOf(source, options);
    const newest = options.newestBlock(tip ?? 0);
    if (options.shortens && tip !== undefined) recordPreResetHeight(folder, tip + 1);
    const ledger = openLedgerFile(channelId, target, options);
    try {
      recommit(source, ledger, newest);
      // Kept for the blocks that come again: nobody may have it any more.
      copyPrivateData(source, ledger.database, newest);
    } catch (error) {
      if (!options.lenient || !isDamage(error) || ledger.info().height <= newest) throw error;
      logger.warn(`[${channelId}] private data after block ${newest} is lost: ${messageOf(error)}`);
    } finally {
      ledger.close();
    }
  } finally {
    // Takes the write-ahead log away, which must not meet the new file.
    source.close();
  }
  rmSync(`${target}.transient`, { force: true });
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
  renameSync(target, file);
}

const isDamage = (error: unknown) => error instanceof DenimError && error.code === "ledger-damaged";

function newestOf(source: Database, { lenient }: Rebuild): number | undefined {
  try {
    return new BlockStore(source).tip().height - 1;
  } catch (error) {
    if (lenient && isDamage(error)) return undefined;
    throw error;
  }
}

/** Runs `work` while no peer and no other command has the directory. @throws DenimError `ledger-locked` */
function offline<T>(options: LedgerProviderOptions, work: (channels: string[]) => T): T {
  const provider = createLedgerProvider({ directory: options.directory });
  try {
    return work(provider.list());
  } finally {
    provider.close();
  }
}

function oneChannel(options: Rebuild): void {
  const { directory, channelId } = options;
  offline(options, () => {
    if (!channelDirectory.test(channelId) || !existsSync(join(directory, channelId, ledgerFile))) {
      throw new DenimError("ledger-not-found", `ledgerID [${channelId}] does not exist`, {
        channelId,
      });
    }
    rebuild(options);
  });
}

/**
 * Removes the blocks after `blockNumber`; the peer gets them again when it starts.
 * @throws DenimError `ledger-not-found`, `bad-rollback-target`, `ledger-locked`, `ledger-damaged`
 */
export function rollBackLedger(options: MaintenanceOptions, blockNumber: number): void {
  const newestBlock = (tip: number) => {
    if (blockNumber < tip) return blockNumber;
    throw new DenimError(
      "bad-rollback-target",
      `target block number [${blockNumber}] should be less than the biggest block number [${tip}]`,
      { blockNumber, tip },
    );
  };
  oneChannel({ ...options, newestBlock, shortens: true, lenient: false });
}

/** Makes state, history and indexes anew from the blocks, which must be readable. */
export function rebuildLedger(options: MaintenanceOptions): void {
  oneChannel({ ...options, newestBlock: (tip) => tip, shortens: false, lenient: false });
}

/** Takes every channel back to its genesis block. @returns the channels */
export function resetLedgers(options: LedgerProviderOptions): string[] {
  return offline(options, (channels) => {
    for (const channelId of channels) {
      rebuild({ ...options, channelId, newestBlock: () => 0, shortens: true, lenient: true });
    }
    return channels;
  });
}

/**
 * Commits the blocks of a ledger, which may be in use, into a file of its own: what its state and
 * commit hashes should be. The caller closes the ledger and removes the file.
 */
export function recommitInto(
  target: string,
  options: MaintenanceOptions & { readonly height: number },
): SqliteLedger {
  const { writerCacheKiB: cacheKiB, lockTimeoutMs } = defaultLedgerLimits;
  const file = join(options.directory, options.channelId, ledgerFile);
  const source = new Database(file, { readOnly: true, cacheKiB, lockTimeoutMs });
  try {
    const ledger = openLedgerFile(options.channelId, target, options);
    try {
      recommit(source, ledger, options.height - 1);
      return ledger;
    } catch (error) {
      ledger.close();
      throw error;
    }
  } finally {
    source.close();
  }
}
