/** Commits a recording into a fresh ledger and compares the outcome with what was recorded. */
import { create } from "@bufbuild/protobuf";
import { emptyBytes, hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { openTransactions } from "../commit/opened-transaction.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { type Block, BlockMetadataIndex, BlockSchema } from "../gen/common/common_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { createLedgerProvider } from "../ledger/ledger-provider.ts";
import type { PeerLedger, StateEntry } from "../ledger/types.ts";
import { blockDataHash } from "../protocol/block.ts";
import { ChannelPipeline } from "./channel-pipeline.ts";
import { RecordedClock } from "./recorded-clock.ts";
import { recordedEligibility } from "./recorded-eligibility.ts";
import type { Recording } from "./recording.ts";
import { blockDifferences, stateDifferences } from "./replay-differences.ts";
import type { ReplayedBlock } from "./replayed-block.ts";
import { type DumpedEntry, dumpEntry, isChaincodeState } from "./state-dump.ts";

export interface Replay {
  readonly channel: string;
  readonly blocks: readonly ReplayedBlock[];
  readonly state: readonly DumpedEntry[];
  /** Where the outcome is not what was recorded, for people; empty when all is equal. */
  readonly differences: readonly string[];
  /** What there was to compare with: `validation.json`, `state.json`. */
  readonly compared: readonly string[];
  /** Why a block could not be committed; the blocks after it were not tried. */
  readonly stopped?: string;
}

export interface ReplayOptions {
  /** Emptied by the caller afterwards. */
  readonly directory: string;
  /** The organisation whose peer made the recording: decides which private data belongs to it. */
  readonly mspId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onBlock?: (block: ReplayedBlock) => void;
}

/**
 * Commits as the peer's committer does; who signed the blocks is not its business.
 * @throws DenimError where the channel cannot be opened; what later blocks contain never throws
 */
export async function replay(recording: Recording, options: ReplayOptions): Promise<Replay> {
  const { validation, state: recordedState } = recording;
  const ecdsa = createEcdsaProvider();
  const ledgers = createLedgerProvider({ directory: options.directory, logger: options.logger });
  try {
    const [genesis, ...rest] = recording.blocks;
    const ledger = ledgers.create(recording.channelId, asDelivered(genesis));
    const clock = new RecordedClock(options.clock);
    clock.enter(genesis);
    const pipeline = new ChannelPipeline(ledger, {
      ecdsa,
      newEligibility: () => recordedEligibility(ledger, options.mspId),
      clock,
      logger: options.logger,
    });
    const blocks: ReplayedBlock[] = [];
    const done = (block: ReplayedBlock) => {
      blocks.push(block);
      options.onBlock?.(block);
    };
    const genesisFlags = new Uint8Array(genesis.data?.data.length ?? 0);
    done(outcome(genesis, openTransactions(genesis).map((tx) => tx?.txId ?? ""), genesisFlags));
    let stopped: string | undefined;
    for (const block of rest) {
      const number = Number(block.header?.number);
      try {
        clock.enter(block);
        offerPrivateData(ledger, recording, block, number);
        const { txIds, flags } = await pipeline.committer.commitBlock(asDelivered(block));
        done(outcome(block, txIds, flags, ledger.commitHash()));
      } catch (error) {
        stopped = `block ${number} cannot be committed: ${messageOf(error)}`;
        break;
      }
    }
    const state = [...ledger.stateEntries()].filter(recordedNamespaces(recordedState)).map(
      dumpEntry,
    );
    const ended = stopped !== undefined;
    return {
      channel: recording.channelId,
      blocks,
      state,
      differences: [
        ...(validation ? blockDifferences(validation, blocks, ended) : []),
        ...(stopped === undefined ? [] : [stopped]),
        ...(recordedState && !ended ? stateDifferences(recordedState, state) : []),
      ],
      compared: [
        ...(validation ? ["validation.json"] : []),
        ...(recordedState ? ["state.json"] : []),
      ],
      stopped,
    };
  } finally {
    ledgers.close();
    ecdsa.close?.();
  }
}

/** Recordings leave the channel's configuration out of the state, or not. */
function recordedNamespaces(recorded: Recording["state"]): (entry: StateEntry) => boolean {
  return recorded?.some(({ namespace }) => namespace === "") ? () => true : isChaincodeState;
}

/** A block without what a peer adds to its metadata. */
export function asDelivered(block: Block): Block {
  const added: number[] = [BlockMetadataIndex.TRANSACTIONS_FILTER, BlockMetadataIndex.COMMIT_HASH];
  const metadata = (block.metadata?.metadata ?? []).map((slot, index) =>
    added.includes(index) ? emptyBytes : slot
  );
  return create(BlockSchema, { header: block.header, data: block.data, metadata: { metadata } });
}

function outcome(
  { header, data }: Block,
  txIds: readonly string[],
  flags: Uint8Array,
  commitHash: Uint8Array = emptyBytes,
): ReplayedBlock {
  return {
    block: Number(header?.number),
    commitHash: hex(commitHash),
    dataHash: hex(blockDataHash(data?.data ?? [])),
    previousHash: hex(header?.previousHash ?? emptyBytes),
    txs: [...flags].map((code, tx) => ({
      tx,
      txid: txIds[tx] ?? "",
      code,
      name: TxValidationCode[code] ?? String(code),
    })),
  };
}

/** Puts a block's recorded private data where a peer that endorsed it would have it. */
function offerPrivateData(
  ledger: PeerLedger,
  recording: Recording,
  block: Block,
  number: number,
): void {
  const sets = recording.privateData.get(number);
  if (!sets) return;
  const transactions = openTransactions(block);
  for (const [tx, set] of sets) {
    const txId = transactions[tx]?.txId;
    if (txId) ledger.transientStore.persist(txId, number, set);
  }
}
