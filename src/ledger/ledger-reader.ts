/** Reads a channel's ledger from outside its peer, running or stopped: for dumps and checks. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../base/logger.ts";
import { DenimError } from "../base/errors.ts";
import type { Block } from "../gen/common/common_pb.ts";
import { BlockStore } from "./block/block-store.ts";
import { blockIndexProblems, type IndexProblem } from "./block/block-index-check.ts";
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
  readonly file: string;
  /** The newest block and the last transaction in it, `27:0`: how far the state is. */
  readonly savepoint: string;
  /** Number of blocks. */
  height(): number;
  /** @throws DenimError `not-found` */
  blockByNumber(blockNumber: number): Block;
  stateEntries(): IterableIterator<StateEntry>;
  /** What the indexes of blocks and transactions say that the blocks do not. */
  indexProblems(): IterableIterator<IndexProblem>;
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
    // The state's view is fixed here; where a block came meanwhile, blocks and view must not differ.
    ledger.newQueryExecutor();
    const { height } = ledger.info();
    if (height !== new BlockStore(database).tip().height) {
      ledger.close();
      return openLedgerForReading(directory, channelId);
    }
    if (height === 0) throw missing();
    const newest = ledger.blockByNumber(height - 1);
    return {
      channelId,
      file,
      savepoint: `${height - 1}:${Math.max(0, (newest.data?.data.length ?? 0) - 1)}`,
      height: () => ledger.info().height,
      blockByNumber: (blockNumber) => ledger.blockByNumber(blockNumber),
      *indexProblems() {
        for (let number = 0; number < height; number++) yield* blockIndexProblems(database, number);
      },
      stateEntries: () => ledger.stateEntries(),
      close: () => ledger.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
