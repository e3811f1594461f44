/**
 * A folder that holds the recorded blocks of a channel, and perhaps what a peer made of them:
 * `artifacts/<channel>.block`, `blocks/NNNN.block`, `pvtdata.json`, `validation.json`, `state.json`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { fromBase64 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { channelIdOf } from "../channel/config-block.ts";
import { type Block, BlockSchema } from "../gen/common/common_pb.ts";
import {
  CollectionPvtReadWriteSetSchema,
  NsPvtReadWriteSetSchema,
  type TxPvtReadWriteSet,
  TxPvtReadWriteSetSchema,
} from "../gen/ledger/rwset/rwset_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";

/** What `validation.json` says of one block. */
export interface RecordedBlock {
  readonly block: number;
  readonly commitHash?: string;
  readonly txs: readonly { readonly tx: number; readonly code: number; readonly name?: string }[];
}

/** One entry of `state.json`. */
export interface RecordedState {
  readonly namespace: string;
  readonly keyBase64: string;
  readonly valueBase64: string;
  readonly metadataBase64?: string;
  readonly version: { readonly block: number; readonly tx: number };
}

export interface Recording {
  readonly channelId: string;
  /** From number 0 on, without gaps. */
  readonly blocks: readonly Block[];
  /** Clear private writes by block and transaction. */
  readonly privateData: ReadonlyMap<number, ReadonlyMap<number, TxPvtReadWriteSet>>;
  readonly validation: readonly RecordedBlock[] | undefined;
  readonly state: readonly RecordedState[] | undefined;
}

/** Reads a recording. @throws DenimError `bad-recording` naming the file */
export function readRecording(directory: string): Recording {
  const blocks = readBlocks(directory);
  const state = readJson<{ entries: RecordedState[] } | RecordedState[]>(directory, "state.json");
  return {
    channelId: channelIdOf(blocks[0]),
    blocks,
    privateData: readPrivateData(directory),
    validation: readJson<RecordedBlock[]>(directory, "validation.json"),
    state: Array.isArray(state) ? state : state?.entries,
  };
}

function bad(message: string, file: string, cause?: unknown): DenimError {
  return new DenimError(
    "bad-recording",
    cause === undefined ? message : `${message}: ${messageOf(cause)}`,
    { file },
    "a recording holds artifacts/<channel>.block and blocks/0001.block, blocks/0002.block, …",
  );
}

function readBlocks(directory: string): Block[] {
  const numbered = new Map<number, Block>();
  const names = filesIn(join(directory, "blocks")).filter((name) => name.endsWith(".block"));
  for (const name of names) {
    const block = readBlock(join(directory, "blocks", name));
    numbered.set(Number(block.header?.number ?? -1n), block);
  }
  const first = numbered.get(0) ?? firstBlock(directory, numbered.get(1));
  const ordered = [first];
  for (let number = 1; numbered.has(number); number++) ordered.push(numbered.get(number) as Block);
  const beyond = [...numbered.keys()].filter((number) => number >= ordered.length);
  if (beyond.length > 0) {
    throw bad(`block ${ordered.length} is missing, but ${Math.min(...beyond)} is there`, directory);
  }
  return ordered;
}

/** Block 0 among the artifacts: the one of the channel that the others belong to. */
function firstBlock(directory: string, second: Block | undefined): Block {
  const folder = join(directory, "artifacts");
  const wanted = second && channelIdOf(second);
  const candidates = filesIn(folder).filter((name) => name.endsWith(".block"))
    .map((name) => readBlock(join(folder, name)))
    .filter((block) => wanted === undefined || channelIdOf(block) === wanted);
  if (candidates.length !== 1) {
    throw bad(
      candidates.length === 0
        ? `no first block${wanted ? ` of channel ${wanted}` : ""} in ${folder}`
        : `several first blocks in ${folder}, and no blocks to tell which is meant`,
      folder,
    );
  }
  return candidates[0];
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

function readBlock(file: string): Block {
  try {
    return decodeAsGo(BlockSchema, readFileSync(file));
  } catch (cause) {
    throw bad(`${file} is not a block`, file, cause);
  }
}

function readJson<T>(directory: string, name: string): T | undefined {
  const file = join(directory, name);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw bad(`${file} cannot be read`, file, cause);
  }
}

interface RecordedPrivateData {
  readonly block: number;
  readonly tx: number;
  readonly namespace: string;
  readonly collectionPvtReadWriteSetBase64: string;
}

function readPrivateData(directory: string): Map<number, Map<number, TxPvtReadWriteSet>> {
  const blocks = new Map<number, Map<number, TxPvtReadWriteSet>>();
  for (const entry of readJson<RecordedPrivateData[]>(directory, "pvtdata.json") ?? []) {
    const sets = blocks.get(entry.block) ?? new Map<number, TxPvtReadWriteSet>();
    blocks.set(entry.block, sets);
    const set = sets.get(entry.tx) ?? create(TxPvtReadWriteSetSchema);
    sets.set(entry.tx, set);
    let namespace = set.nsPvtRwset.find((candidate) => candidate.namespace === entry.namespace);
    if (namespace === undefined) {
      namespace = create(NsPvtReadWriteSetSchema, { namespace: entry.namespace });
      set.nsPvtRwset.push(namespace);
    }
    try {
      namespace.collectionPvtRwset.push(decodeAsGo(
        CollectionPvtReadWriteSetSchema,
        fromBase64(entry.collectionPvtReadWriteSetBase64),
      ));
    } catch (cause) {
      throw bad(
        `pvtdata.json: block ${entry.block}, transaction ${entry.tx}`,
        join(directory, "pvtdata.json"),
        cause,
      );
    }
  }
  return blocks;
}
