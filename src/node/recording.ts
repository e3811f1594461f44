/**
 * A folder that holds the recorded blocks of a channel, and perhaps what a peer made of them:
 * `artifacts/<channel>.block`, `blocks/NNNN.block`, `pvtdata.json`, `validation.json`, `state.json`.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { equal } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import { channelIdOf, validateConfigBlock } from "../channel/config-block.ts";
import type { Block } from "../gen/common/common_pb.ts";
import { BlockSchema } from "../gen/common/common_pb.ts";
import { blockHeaderHash } from "../protocol/block.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import {
  badRecording,
  type RecordedBlock,
  recordedChannel,
  type RecordedPrivateData,
  recordedPrivateData,
  type RecordedState,
  recordedState,
  recordedValidation,
} from "./recorded-outcome.ts";

export interface Recording {
  readonly channelId: string;
  /** From number 0 on, without gaps. */
  readonly blocks: readonly Block[];
  readonly privateData: RecordedPrivateData;
  readonly validation: readonly RecordedBlock[] | undefined;
  readonly state: readonly RecordedState[] | undefined;
}

/** Reads a recording. @throws DenimError `bad-recording` naming the file */
export function readRecording(directory: string): Recording {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw badRecording(`there is no folder ${directory}`, directory);
  }
  const blocks = readBlocks(directory);
  return {
    channelId: channelOf(blocks[0], directory),
    blocks,
    privateData: recordedPrivateData(directory),
    validation: recordedValidation(directory),
    state: recordedState(directory),
  };
}

function channelOf(first: Block, directory: string): string {
  try {
    validateConfigBlock(first);
    return channelIdOf(first);
  } catch (cause) {
    throw badRecording(`block 0 is not the first block of a channel`, directory, cause);
  }
}

/** Blocks count by the number in their header; what their files are called does not matter. */
function readBlocks(directory: string): Block[] {
  const folder = join(directory, "blocks");
  const numbered = new Map<number, { block: Block; file: string }>();
  for (const name of filesIn(folder).filter((name) => name.endsWith(".block"))) {
    const file = join(folder, name);
    const block = readBlock(file);
    const number = Number(block.header?.number);
    const same = numbered.get(number);
    if (same && !sameBlock(same.block, block)) {
      throw badRecording(`${same.file} and ${file} are both block ${number}, but differ`, file);
    }
    numbered.set(number, { block, file });
  }
  const numbers = [...numbered.keys()].toSorted((a, b) => a - b);
  const first = numbered.get(0)?.block ?? firstBlock(directory, numbered.get(1)?.block, numbers);
  const blocks = [first];
  for (const number of numbers) {
    if (number === 0) continue;
    if (number !== blocks.length) {
      throw badRecording(
        `block ${blocks.length} is missing, but block ${number} is there`,
        folder,
      );
    }
    blocks.push(numbered.get(number)?.block as Block);
  }
  return blocks;
}

/** Block 0 among the artifacts: the one that the recorded blocks continue. */
function firstBlock(directory: string, second: Block | undefined, numbers: number[]): Block {
  const folder = join(directory, "artifacts");
  const unreadable: unknown[] = [];
  const candidates = filesIn(folder).filter((name) => name.endsWith(".block")).flatMap((name) => {
    try {
      const block = readBlock(join(folder, name));
      return block.header?.number === 0n ? [block] : [];
    } catch (error) {
      unreadable.push(error);
      return [];
    }
  });
  if (second) {
    // As the chain has it: no name can be as right as the hash.
    const previous = second.header?.previousHash;
    const linked = candidates.find(({ header }) =>
      header && previous && equal(blockHeaderHash(header), previous)
    );
    if (linked) return linked;
  }
  const wanted = second ? channelIfAny(second) : recordedChannel(directory);
  const fitting = candidates.filter((block) => {
    const channel = channelIfAny(block);
    return channel !== undefined && (wanted === undefined || channel === wanted) && joinable(block);
  });
  if (fitting.length === 1) return fitting[0];
  if (fitting.length > 1) {
    const names = fitting.map(channelIfAny).join(", ");
    throw badRecording(
      `${folder} has the first blocks of several channels (${names}), and nothing tells which one is meant`,
      folder,
    );
  }
  if (unreadable.length > 0) throw unreadable[0];
  const of = wanted === undefined ? "" : ` of channel ${wanted}`;
  const found = numbers.length > 0 ? `, only block ${numbers[0]} and later` : "";
  throw badRecording(`there is no first block${of} in ${folder}${found}`, folder);
}

function channelIfAny(block: Block): string | undefined {
  try {
    return channelIdOf(block);
  } catch {
    return undefined;
  }
}

/** Could a peer join with this block? A system channel's it could not. */
function joinable(block: Block): boolean {
  try {
    validateConfigBlock(block);
    return true;
  } catch {
    return false;
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

/** Metadata may differ: it depends on who kept the block. */
function sameBlock(a: Block, b: Block): boolean {
  const [entries, others] = [a.data?.data ?? [], b.data?.data ?? []];
  return !!a.header && !!b.header && equal(blockHeaderHash(a.header), blockHeaderHash(b.header)) &&
    entries.length === others.length && entries.every((entry, i) => equal(entry, others[i]));
}

function readBlock(file: string): Block {
  try {
    const block = decodeAsGo(BlockSchema, readFileSync(file));
    if (block.header === undefined) throw new Error("it has no header");
    return block;
  } catch (cause) {
    throw badRecording(`${file} is not a block: ${messageOf(cause)}`, file);
  }
}
