/** Commits a recording into a fresh ledger and compares the outcome with what was recorded. */
import { create } from "@bufbuild/protobuf";
import { emptyBytes, hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { openTransactions } from "../commit/opened-transaction.ts";
import type { CollectionEligibility } from "../commit/private-data.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { type Block, BlockMetadataIndex, BlockSchema } from "../gen/common/common_pb.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { MSPPrincipal_Classification, MSPRoleSchema } from "../gen/msp/msp_principal_pb.ts";
import { createLedgerProvider } from "../ledger/ledger-provider.ts";
import type { PeerLedger } from "../ledger/types.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";
import { ChannelPipeline } from "./channel-pipeline.ts";
import type { RecordedState, Recording } from "./recording.ts";
import { type DumpedEntry, dumpEntry, isChaincodeState } from "./state-dump.ts";

export interface ReplayedTransaction {
  readonly tx: number;
  readonly txid: string;
  readonly code: number;
  readonly name: string;
}

export interface ReplayedBlock {
  readonly block: number;
  readonly commitHash: string;
  readonly txs: readonly ReplayedTransaction[];
}

export interface Replay {
  readonly channel: string;
  readonly blocks: readonly ReplayedBlock[];
  readonly state: readonly DumpedEntry[];
  /** Where the outcome is not what was recorded, for people; empty when all is equal. */
  readonly differences: readonly string[];
  /** What there was to compare with: `validation.json`, `state.json`. */
  readonly compared: readonly string[];
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

/** @throws DenimError where a block cannot be committed; what the blocks contain never throws */
export async function replay(recording: Recording, options: ReplayOptions): Promise<Replay> {
  const ecdsa = createEcdsaProvider();
  const ledgers = createLedgerProvider({ directory: options.directory, logger: options.logger });
  try {
    const [genesis, ...rest] = recording.blocks;
    const ledger = ledgers.create(recording.channelId, asDelivered(genesis));
    const pipeline = new ChannelPipeline(ledger, {
      ecdsa,
      newEligibility: () => eligibility(ledger, options.mspId),
      clock: options.clock,
      logger: options.logger,
    });
    const blocks: ReplayedBlock[] = [];
    const done = (block: ReplayedBlock) => {
      blocks.push(block);
      options.onBlock?.(block);
    };
    done(outcome(0, [""], Uint8Array.of(TxValidationCode.VALID), undefined));
    for (const block of rest) {
      const number = Number(block.header?.number);
      offerPrivateData(ledger, recording, block, number);
      let committed;
      try {
        committed = await pipeline.committer.commitBlock(asDelivered(block));
      } catch (error) {
        throw new DenimError(
          "replay-stopped",
          `block ${number} cannot be committed: ${messageOf(error)}`,
          { block: number },
          undefined,
          { cause: error },
        );
      }
      done(outcome(number, committed.txIds, committed.flags, ledger.commitHash()));
    }
    const state = [...ledger.stateEntries()].filter(isChaincodeState).map(dumpEntry);
    return {
      channel: recording.channelId,
      blocks,
      state,
      differences: [...flagDifferences(recording, blocks), ...stateDifferences(recording, state)],
      compared: [
        ...(recording.validation ? ["validation.json"] : []),
        ...(recording.state ? ["state.json"] : []),
      ],
    };
  } finally {
    ledgers.close();
    ecdsa.close?.();
  }
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
  block: number,
  txIds: readonly string[],
  flags: Uint8Array,
  commitHash: Uint8Array | undefined,
): ReplayedBlock {
  return {
    block,
    commitHash: hex(commitHash ?? emptyBytes),
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
    ledger.transientStore.persist(transactions[tx]?.txId ?? "", number, set);
  }
}

/** Membership by organisation: a recording names no single peer's identity. */
function eligibility(ledger: PeerLedger, mspId: string): CollectionEligibility {
  return (namespace, collection) => {
    const state = ledger.newQueryExecutor();
    try {
      const bytes = state.getState("lscc", `${namespace}~collection`);
      const configs = (bytes && tryDecodeAsGo(CollectionConfigPackageSchema, bytes)?.config) ?? [];
      for (const { payload } of configs) {
        if (payload.case !== "staticCollectionConfig" || payload.value.name !== collection) {
          continue;
        }
        const policy = payload.value.memberOrgsPolicy?.payload;
        if (policy?.case !== "signaturePolicy") return false;
        return policy.value.identities.some(({ principalClassification, principal }) =>
          principalClassification === MSPPrincipal_Classification.ROLE &&
          tryDecodeAsGo(MSPRoleSchema, principal)?.mspIdentifier === mspId
        );
      }
      return undefined;
    } finally {
      state.done();
    }
  };
}

function* flagDifferences(
  { validation = [] }: Recording,
  blocks: readonly ReplayedBlock[],
): Generator<string> {
  for (const recorded of validation) {
    const replayed = blocks[recorded.block];
    if (!replayed) {
      yield `block ${recorded.block}: recorded, but there is no such block`;
      continue;
    }
    for (const { tx, code, name } of recorded.txs) {
      const actual = replayed.txs[tx];
      if (actual?.code === code) continue;
      yield `block ${recorded.block}, transaction ${tx} (${actual?.txid ?? ""}): recorded ` +
        `${name ?? TxValidationCode[code] ?? code}, here ${actual?.name ?? "nothing"}`;
    }
    if (replayed.txs.length !== recorded.txs.length) {
      yield `block ${recorded.block}: recorded ${recorded.txs.length} transactions, here ${replayed.txs.length}`;
    }
    const commitHash = recorded.commitHash ?? "";
    if (commitHash !== "" && commitHash !== replayed.commitHash) {
      yield `block ${recorded.block}: recorded commit hash ${commitHash}, here ${replayed.commitHash}`;
    }
  }
}

function* stateDifferences(
  recording: Recording,
  state: readonly DumpedEntry[],
): Generator<string> {
  if (!recording.state) return;
  const idOf = (entry: RecordedState) => `${entry.namespace}\0${entry.keyBase64}`;
  const shown = (entry: RecordedState & { readonly key?: string }) =>
    `${entry.namespace} key ${JSON.stringify(entry.key ?? `base64:${entry.keyBase64}`)}`;
  const actual = new Map(state.map((entry) => [idOf(entry), entry]));
  for (const recorded of recording.state) {
    const here = actual.get(idOf(recorded));
    actual.delete(idOf(recorded));
    if (!here) yield `state ${shown(recorded)}: recorded, but missing here`;
    else {
      for (const [what, was, is] of compared(recorded, here)) {
        if (was !== is) yield `state ${shown(recorded)}: recorded ${what} ${was}, here ${is}`;
      }
    }
  }
  for (const extra of actual.values()) yield `state ${shown(extra)}: here, but not recorded`;
}

function compared(recorded: RecordedState, here: DumpedEntry): [string, string, string][] {
  const version = ({ version: { block, tx } }: RecordedState) => `${block}.${tx}`;
  return [
    ["value", recorded.valueBase64, here.valueBase64],
    ["metadata", recorded.metadataBase64 ?? "", here.metadataBase64 ?? ""],
    ["version", version(recorded), version(here)],
  ];
}
