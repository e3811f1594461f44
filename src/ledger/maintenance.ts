/**
 * Offline work on a stopped peer's ledgers: going back to an earlier block, and making state, history
 * and indexes anew from the blocks. Mirrors core/ledger/kvledger/{rollback,reset}.go.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DenimError } from "../base/errors.ts";
import { BlockMetadataIndex } from "../gen/common/common_pb.ts";
import { metadataSlot } from "../protocol/block.ts";
import { BlockStore } from "./block/block-store.ts";
import {
  createLedgerProvider,
  ledgerFile,
  type LedgerProviderOptions,
  openLedgerFile,
} from "./ledger-provider.ts";
import { defaultLedgerLimits } from "./limits.ts";
import { copyPrivateData, privateDataOfBlock } from "./private/private-data-store.ts";
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

/** Commits blocks 0 to `newest` of `source` into a new file, with the flags they have. */
function replay(source: Database, target: string, newest: number, options: MaintenanceOptions) {
  const blocks = new BlockStore(source);
  const ledger = openLedgerFile(options.channelId, target, options);
  try {
    for (let number = 0; number <= newest; number++) {
      const block = blocks.byNumber(number);
      ledger.commit({
        block,
        flags: metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER),
        privateData: privateDataOfBlock(source, number),
      });
    }
    // Kept for the blocks that come again: nobody may have it any more.
    copyPrivateData(source, ledger.database, newest);
  } finally {
    ledger.close();
  }
}

function rebuild(options: MaintenanceOptions, newestBlock: (tip: number) => number): void {
  const { directory, channelId } = options;
  const file = join(directory, channelId, ledgerFile);
  const target = `${file}.rebuild`;
  // Held while the work goes on: a running peer must not have the directory.
  const provider = createLedgerProvider({ directory });
  try {
    if (!existsSync(file)) {
      throw new DenimError("ledger-not-found", `ledgerID [${channelId}] does not exist`, {
        channelId,
      });
    }
    for (const suffix of ["", "-wal", "-shm"]) rmSync(target + suffix, { force: true });
    const source = sourceOf(file);
    try {
      replay(source, target, newestBlock(new BlockStore(source).tip().height - 1), options);
    } finally {
      // Takes the write-ahead log away, which must not meet the new file.
      source.close();
    }
    renameSync(target, file);
  } finally {
    provider.close();
  }
}

/**
 * Removes the blocks after `blockNumber`; the peer gets them again when it starts.
 * @throws DenimError `ledger-not-found`, `bad-rollback-target`, `ledger-locked`
 */
export function rollBackLedger(options: MaintenanceOptions, blockNumber: number): void {
  rebuild(options, (tip) => {
    if (blockNumber < tip) return blockNumber;
    throw new DenimError(
      "bad-rollback-target",
      `target block number [${blockNumber}] should be less than the biggest block number [${tip}]`,
      { blockNumber, tip },
    );
  });
}

/** Makes state, history and indexes anew from the blocks, which must be readable. */
export function rebuildLedger(options: MaintenanceOptions): void {
  rebuild(options, (tip) => tip);
}

/** Takes every channel back to its genesis block. */
export function resetLedgers(options: LedgerProviderOptions): string[] {
  const provider = createLedgerProvider({ directory: options.directory });
  const channels = provider.list();
  provider.close();
  for (const channelId of channels) rebuild({ ...options, channelId }, () => 0);
  return channels;
}
