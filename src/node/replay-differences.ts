/** Where the outcome of a replay is not what was recorded, in words. */
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { ReplayedBlock } from "./replayed-block.ts";
import type { RecordedBlock, RecordedState } from "./recorded-outcome.ts";
import type { DumpedEntry } from "./state-dump.ts";

/** Differences of blocks: the first is the one that matters, those after it may follow from it. */
export function* blockDifferences(
  recordedBlocks: readonly RecordedBlock[],
  blocks: readonly ReplayedBlock[],
  /** The replay ended early: later blocks are no differences of their own. */
  stopped: boolean,
): Generator<string> {
  for (const recorded of recordedBlocks.toSorted((a, b) => a.block - b.block)) {
    const replayed = blocks[recorded.block];
    if (replayed) yield* differencesOf(recorded, replayed);
    else if (!stopped) yield `block ${recorded.block}: recorded, but there is no such block`;
  }
}

function* differencesOf(recorded: RecordedBlock, replayed: ReplayedBlock): Generator<string> {
  const place = `block ${recorded.block}`;
  for (const { tx, txid, code, name } of recorded.txs) {
    const actual = replayed.txs[tx];
    const at = `${place}, transaction ${tx}`;
    if (actual?.code !== code) {
      yield `${at} (${actual?.txid ?? ""}): recorded ` +
        `${TxValidationCode[code] ?? name ?? code}, here ${actual?.name ?? "nothing"}`;
    }
    if (actual && txid !== undefined && txid !== actual.txid) {
      yield `${at}: recorded transaction id ${txid || "none"}, here ${actual.txid || "none"}`;
    }
  }
  if (replayed.txs.length !== recorded.txs.length) {
    yield `${place}: recorded ${recorded.txs.length} transactions, here ${replayed.txs.length}`;
  }
  const hashes = [
    ["data hash", recorded.dataHash, replayed.dataHash],
    ["previous hash", recorded.headerHashOfPrevious, replayed.previousHash],
    ["commit hash", recorded.commitHash, replayed.commitHash],
  ] as const;
  for (const [what, was, is] of hashes) {
    // Without a recorded one there is nothing to compare: older peers made no commit hashes.
    if (was && was.toLowerCase() !== is) yield `${place}: recorded ${what} ${was}, here ${is}`;
  }
}

/** Entries that are on one side only, or differ in value, metadata or version. */
export function* stateDifferences(
  recordedEntries: readonly RecordedState[],
  state: readonly DumpedEntry[],
): Generator<string> {
  const idOf = (entry: RecordedState) => `${entry.namespace}\0${entry.keyBase64}`;
  const shown = (entry: RecordedState) =>
    `${entry.namespace} key ${JSON.stringify(entry.key ?? `base64:${entry.keyBase64}`)}`;
  const actual = new Map(state.map((entry) => [idOf(entry), entry]));
  for (const recorded of recordedEntries) {
    const here = actual.get(idOf(recorded));
    actual.delete(idOf(recorded));
    if (!here) {
      yield `state ${shown(recorded)}: recorded, but missing here`;
      continue;
    }
    for (const [what, was, is] of partsOf(recorded, here)) {
      if (was !== is) {
        yield `state ${shown(recorded)}: recorded ${what} ${was || "none"}, here ${is || "none"}`;
      }
    }
  }
  for (const extra of actual.values()) yield `state ${shown(extra)}: here, but not recorded`;
}

function partsOf(recorded: RecordedState, here: DumpedEntry): [string, string, string][] {
  const version = ({ version: { block, tx } }: RecordedState) => `${block}.${tx}`;
  return [
    ["value", recorded.valueBase64, here.valueBase64],
    ["metadata", recorded.metadataBase64 ?? "", here.metadataBase64 ?? ""],
    ["version", version(recorded), version(here)],
  ];
}
