/**
 * Blocks into the ledger: validation, private data, commit, configuration, in order and exactly
 * once. Mirrors gossip/privdata/coordinator.go (StoreBlock) and core/committer/committer_impl.go.
 */
import { equal, hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ChannelConfigSource } from "../channel/types.ts";
import { type Block, HeaderType } from "../gen/common/common_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { CommittedBlock, PeerLedger } from "../ledger/types.ts";
import type { BlockValidator } from "../validation/types.ts";
import { openTransactions } from "./opened-transaction.ts";
import {
  type CollectionEligibility,
  collectPrivateData,
  type WantedPrivateData,
} from "./private-data.ts";
import type { BlockTimings, Committer } from "./types.ts";

/** peer.gossip.pvtData.transientstoreMaxBlockRetention */
const defaultTransientRetentionBlocks = 1000;

export interface CommitterOptions {
  readonly channelId: string;
  readonly validator: BlockValidator;
  readonly ledger: Pick<PeerLedger, "info" | "commit" | "transientStore">;
  readonly bundleSource: ChannelConfigSource;
  /**
   * Called with a block and the index of its valid CONFIG transaction, before it is committed:
   * builds the new configuration (throws where this peer cannot go along, an unknown capability for
   * example) and returns the act that puts it in force, which is called after the commit.
   */
  readonly prepareConfig: (block: Block, index: number) => () => void;
  /** Made anew for each block, before its commit. */
  readonly newEligibility: () => CollectionEligibility;
  readonly transientRetentionBlocks?: number;
  /**
   * Brings what it can get of a block's private data from other peers into the transient store.
   * Never throws; the block waits for it.
   */
  readonly fetchPrivateData?: (
    block: number,
    wanted: readonly WantedPrivateData[],
  ) => Promise<void>;
  /** Told after each commit. */
  readonly onTimings?: (timings: BlockTimings) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The committer of one channel. */
export function createCommitter(options: CommitterOptions): Committer {
  let last: Promise<unknown> = Promise.resolve();
  let ahead = -1;
  const follows = (number: number) => ahead > number;
  return {
    commitBlock(block) {
      const committed = last.then(() => commitBlock(options, block, follows));
      last = committed.catch(() => {});
      return committed;
    },
    prepare(block) {
      ahead = Number(block.header?.number ?? -1);
      options.validator.prepare(block);
    },
    idle: () => last.then(() => {}),
  };
}

async function commitBlock(
  options: CommitterOptions,
  block: Block,
  follows: (number: number) => boolean,
): Promise<CommittedBlock> {
  const { channelId, ledger, logger, clock } = options;
  const number = checkOrder(options, block);
  const startedAt = clock.now();
  const flags = await options.validator.validate(block);
  const validatedAt = clock.now();
  const capabilities = options.bundleSource.bundle().capabilities;
  const opened = openTransactions(block);
  const isEligible = options.newEligibility();
  const collect = () =>
    collectPrivateData(opened, flags, {
      transientStore: ledger.transientStore,
      isEligible,
      storeInvalid: capabilities.storePvtDataOfInvalidTx,
    });
  let collected = collect();
  const wanted = collected.missing.filter(({ eligible }) => eligible)
    .map((missing) => ({ ...missing, txId: opened[missing.txNumber]?.txId ?? "" }));
  if (wanted.length > 0 && options.fetchPrivateData) {
    await options.fetchPrivateData(number, wanted);
    collected = collect();
  }
  const { privateData, missing, txIds } = collected;
  // Orderers give a configuration a block of its own; where one does not, peers go along.
  const config = opened.findLastIndex((transaction, index) =>
    transaction?.type === HeaderType.CONFIG && flags[index] === TxValidationCode.VALID
  );
  const putInForce = config < 0 ? undefined : options.prepareConfig(block, config);
  const committed = ledger.commit({
    block,
    flags,
    privateData,
    missingPrivateData: missing,
    moreFollow: follows(number),
  });
  putInForce?.();
  const timings: BlockTimings = {
    channelId,
    number,
    transactions: opened.length,
    validationMs: validatedAt - startedAt,
    commitMs: clock.now() - validatedAt,
    missingPrivateData: missing.length,
  };
  logger.debug(
    `[${channelId}] Committed block [${number}] with ${opened.length} transaction(s)`,
    { ...timings },
  );
  options.onTimings?.(timings);
  purgeTransient(options, number, privateData.size > 0 ? txIds : []);
  return committed;
}

/** Only the block that continues the ledger may be committed. */
function checkOrder({ channelId, ledger }: CommitterOptions, block: Block): number {
  const { height, currentBlockHash } = ledger.info();
  const number = block.header?.number;
  if (number !== BigInt(height)) {
    throw new DenimError(
      "block-out-of-order",
      `[${channelId}] expected block [${height}], got [${number ?? "none"}]`,
      { channelId, expected: height, number },
    );
  }
  const previousHash = block.header?.previousHash ?? new Uint8Array(0);
  if (height > 0 && !equal(previousHash, currentBlockHash)) {
    throw new DenimError(
      "bad-previous-hash",
      `[${channelId}] unexpected previous block hash in block [${height}]: expected ` +
        `[${hex(currentBlockHash)}], got [${hex(previousHash)}]`,
      { channelId, number: height },
    );
  }
  return height;
}

/** What the transient store no longer needs. Its failures cost space, not correctness. */
function purgeTransient(
  { ledger, logger, transientRetentionBlocks, channelId }: CommitterOptions,
  number: number,
  txIds: readonly string[],
): void {
  const retention = transientRetentionBlocks ?? defaultTransientRetentionBlocks;
  try {
    if (txIds.length > 0) ledger.transientStore.purgeByTxIds(txIds);
    if (number % retention === 0 && number > retention) {
      ledger.transientStore.purgeBelowHeight(number - retention);
    }
  } catch (error) {
    logger.error(`[${channelId}] Failed purging data from transient store`, { number, error });
  }
}
