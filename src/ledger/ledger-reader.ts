/** Reads a channel's ledger from outside its peer, running or stopped: for dumps and checks. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../base/logger.ts";
import { DenimError } from "../base/errors.ts";
import type { Block } from "../gen/common/common_pb.ts";
import { keyValueCheck } from "./key-validation.ts";
import { defaultLedgerLimits } from "./limits.ts";
import { SqliteLedger } from "./peer-ledger.ts";
import { lsccBlockToLive } from "./private/collection-policy.ts";
import { noRichQueries } from "./query/rich-query.ts";
import { Database } from "./storage/database.ts";
import { checkFormat, isCreated } from "./storage/schema.ts";
import type { StateEntry } from "./types.ts";

/** One channel's ledger as it stood when it was opened; nothing is written. */
export interface LedgerReader {
  readonly channelId: string;
  /** Number of blocks. */
  height(): number;
  /** @throws DenimError `not-found` */
  blockByNumber(blockNumber: number): Block;
  stateEntries(): IterableIterator<StateEntry>;
  close(): void;
}

/**
 * @param directory the peer's ledgers (`<fileSystemPath>/ledgersData`)
 * @throws DenimError `ledger-not-found`, `ledger-damaged`, `ledger-format`
 */
export function openLedgerForReading(directory: string, channelId: string): LedgerReader {
  const file = join(directory, channelId, "ledger.db");
  const missing = () =>
    new DenimError("ledger-not-found", `there is no ledger ${file}`, { file, channelId });
  if (channelId.includes("/") || !existsSync(file)) throw missing();
  const limits = defaultLedgerLimits;
  const database = new Database(file, {
    readOnly: true,
    cacheKiB: limits.readerCacheKiB,
    lockTimeoutMs: limits.lockTimeoutMs,
  });
  try {
    if (!isCreated(database)) throw missing();
    checkFormat(database);
    const ledger = new SqliteLedger(channelId, database, join(directory, channelId, "none"), {
      limits,
      logger: silentLogger,
      historyEnabled: true,
      checkKeyValue: keyValueCheck("goleveldb"),
      richQueries: noRichQueries,
      blockToLive: lsccBlockToLive,
    });
    return {
      channelId,
      height: () => ledger.info().height,
      blockByNumber: (blockNumber) => ledger.blockByNumber(blockNumber),
      stateEntries: () => ledger.stateEntries(),
      close: () => ledger.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
