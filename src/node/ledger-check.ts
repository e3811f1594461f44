/**
 * Is a channel's ledger what its orderers signed and its peer made of it? The file, the chain with
 * its signatures, flags and commit hashes, the indexes, and the state as the blocks make it.
 */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { compare, equal, hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { verifyBlock } from "../channel/block-verifier.ts";
import { type ChannelBundle, createBundle } from "../channel/bundle.ts";
import { envelopeAt, openConfigEnvelope } from "../channel/config-block.ts";
import { openTransactions } from "../commit/opened-transaction.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { type Block, BlockMetadataIndex, HeaderType } from "../gen/common/common_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import { type MaintenanceOptions, recommitInto } from "../ledger/maintenance.ts";
import { verifyLedgerFile } from "../ledger/storage/file-check.ts";
import type { PeerLedger, StateEntry } from "../ledger/types.ts";
import { blockDataHash, blockHeaderHash, blockMetadata, metadataSlot } from "../protocol/block.ts";
import { RecordedClock } from "./recorded-clock.ts";

export interface LedgerCheck {
  readonly blocks: number;
  readonly transactions: number;
  readonly stateEntries: number;
  /** False for a chain that was begun by a peer older than 1.4.2. */
  readonly hasCommitHashes: boolean;
}

export interface LedgerCheckOptions {
  readonly ledger: LedgerReader;
  /** How the peer keeps its state. */
  readonly storage: Omit<MaintenanceOptions, "directory" | "channelId">;
  /** For a temporary ledger; removed by the caller. */
  readonly directory: string;
  readonly clock: Clock;
}

const damageHint =
  "stop the peer and run 'denim node reset': it gets all blocks from an orderer again";

/** @throws DenimError `ledger-damaged`, `bad-chain`, `bad-state` naming file, block or key */
export function checkLedger(options: LedgerCheckOptions): LedgerCheck {
  const { ledger } = options;
  const problems = verifyLedgerFile(ledger.file);
  if (problems.length > 0) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    throw new DenimError(
      "ledger-damaged",
      `the ledger database ${ledger.file} is damaged: ${problems[0]}${more}`,
      { file: ledger.file, problems },
      damageHint,
    );
  }
  const transactions = checkChain(ledger, options.clock);
  for (const { blockNumber, problem } of ledger.indexProblems()) {
    throw badChain(ledger, blockNumber, problem);
  }
  return { blocks: ledger.height(), transactions, ...checkState(options) };
}

function badChain(ledger: LedgerReader, block: number, reason: string, cause?: unknown) {
  return new DenimError(
    "bad-chain",
    `block ${block} of channel ${ledger.channelId} in ${ledger.file}: ${reason}`,
    { block, file: ledger.file },
    damageHint,
    { cause },
  );
}

/** @returns the number of transactions */
function checkChain(ledger: LedgerReader, fallback: Clock): number {
  const clock = new RecordedClock(fallback);
  const provider = createEcdsaProvider();
  try {
    let bundle: ChannelBundle | undefined;
    let previousHash: Uint8Array | undefined;
    let transactions = 0;
    for (let number = 0; number < ledger.height(); number++) {
      try {
        const block = ledger.blockByNumber(number);
        if (bundle) {
          verifyBlock(block, {
            bundle,
            expectedNumber: BigInt(number),
            expectedPreviousHash: previousHash,
          });
        } else checkFirst(block);
        const flags = checkFlags(block);
        transactions += flags.length;
        const config = openTransactions(block).findLastIndex((transaction, index) =>
          transaction?.type === HeaderType.CONFIG && flags[index] === TxValidationCode.VALID
        );
        if (config >= 0) {
          clock.enter(block);
          const { channelHeader, configEnvelope } = openConfigEnvelope(envelopeAt(block, config));
          bundle = createBundle(channelHeader.channelId, configEnvelope.config, {
            provider,
            clock,
          });
        }
        previousHash = block.header && blockHeaderHash(block.header);
      } catch (error) {
        throw badChain(ledger, number, messageOf(error), error);
      }
    }
    return transactions;
  } finally {
    provider.close?.();
  }
}

function checkFirst({ header, data }: Block): void {
  if (!header || !data || !equal(blockDataHash(data.data), header.dataHash)) {
    throw new DenimError("bad-chain", "the hash of its data is not the one in its header");
  }
}

function checkFlags(block: Block): Uint8Array {
  const flags = metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER);
  const count = block.data?.data.length ?? 0;
  if (flags.length !== count) {
    throw new DenimError("bad-chain", `${count} transactions, but ${flags.length} flags`);
  }
  const unjudged = flags.indexOf(TxValidationCode.NOT_VALIDATED);
  if (unjudged >= 0) throw new DenimError("bad-chain", `transaction ${unjudged} was never judged`);
  return flags;
}

const commitHashOf = (block: Block) => blockMetadata(block, BlockMetadataIndex.COMMIT_HASH).value;

/** Commits the blocks once more with their flags: hashes and state must come out the same. */
function checkState({ ledger, storage, directory }: LedgerCheckOptions) {
  const target = join(directory, "recommitted.db");
  const expected = recommitInto(target, {
    ...storage,
    directory: dirname(dirname(ledger.file)),
    channelId: ledger.channelId,
    height: ledger.height(),
  });
  try {
    const hasCommitHashes = ledger.height() > 1 && commitHashOf(ledger.blockByNumber(1)).length > 0;
    for (let number = 1; hasCommitHashes && number < ledger.height(); number++) {
      checkCommitHash(ledger, expected, number);
    }
    return { hasCommitHashes, stateEntries: compareStates(ledger, expected.stateEntries()) };
  } finally {
    expected.close();
    rmSync(target, { force: true });
  }
}

function checkCommitHash(ledger: LedgerReader, expected: PeerLedger, number: number): void {
  const stored = commitHashOf(ledger.blockByNumber(number));
  if (stored.length === 0) throw badChain(ledger, number, "it has no commit hash");
  const right = commitHashOf(expected.blockByNumber(number));
  if (!equal(stored, right)) {
    const reason = `its commit hash is ${hex(stored)}, but its flags and writes give ${hex(right)}`;
    throw badChain(ledger, number, reason);
  }
}

/** Both in the order of their keys. @returns the number of entries */
function compareStates(ledger: LedgerReader, expected: Iterator<StateEntry>): number {
  let count = 0;
  const bad = (entry: StateEntry, problem: string) =>
    new DenimError(
      "bad-state",
      `the state of channel ${ledger.channelId} in ${ledger.file}: namespace ${entry.namespace}, ` +
        `key ${JSON.stringify(new TextDecoder().decode(entry.key))} ${problem}`,
      { namespace: entry.namespace, file: ledger.file },
      "stop the peer and run 'denim node reset', or 'denim node rollback' to any earlier block",
    );
  for (const entry of ledger.stateEntries()) {
    const next = expected.next();
    if (next.done || order(entry, next.value) < 0) throw bad(entry, "was written by no block");
    const right = next.value;
    if (order(entry, right) > 0) throw bad(right, "is missing");
    if (!equal(entry.value, right.value)) {
      throw bad(entry, "has another value than its block wrote");
    }
    const same = entry.version.blockNumber === right.version.blockNumber &&
      entry.version.txNumber === right.version.txNumber &&
      equal(entry.metadata ?? new Uint8Array(), right.metadata ?? new Uint8Array());
    if (!same) throw bad(entry, "has another version or metadata than its block wrote");
    count++;
  }
  const left = expected.next();
  if (!left.done) throw bad(left.value, "is missing");
  return count;
}

function order(a: StateEntry, b: StateEntry): number {
  const encoder = new TextEncoder();
  return compare(encoder.encode(a.namespace), encoder.encode(b.namespace)) ||
    compare(a.key, b.key);
}
