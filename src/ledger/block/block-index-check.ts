/** Do the columns by which blocks and transactions are found say what the blocks say? */
import { fromBinary } from "@bufbuild/protobuf";
import { equal, hex } from "../../base/bytes.ts";
import {
  BlockHeaderSchema,
  BlockMetadataIndex,
  BlockMetadataSchema,
} from "../../gen/common/common_pb.ts";
import { blockHeaderHash } from "../../protocol/block.ts";
import type { Database } from "../storage/database.ts";
import { decodeTransaction, indexedTxId } from "../transaction/decode.ts";

export interface IndexProblem {
  readonly blockNumber: number;
  readonly problem: string;
}

/** What is wrong with the index entries of one block; empty where all is right. */
export function* blockIndexProblems(
  database: Database,
  blockNumber: number,
): Generator<IndexProblem> {
  const found = (problem: string): IndexProblem => ({ blockNumber, problem });
  const row = database.prepare(
    "SELECT first_tx, header_hash, header, metadata FROM blocks WHERE number = ?",
  ).get(blockNumber);
  if (row === undefined) {
    yield found("it is missing");
    return;
  }
  const header = fromBinary(BlockHeaderSchema, row.header as Uint8Array);
  const stored = row.header_hash as Uint8Array;
  if (!equal(stored, blockHeaderHash(header))) {
    yield found(`it is indexed under the hash ${hex(stored)}, which is not that of its header`);
  }
  const { metadata } = fromBinary(BlockMetadataSchema, row.metadata as Uint8Array);
  const flags = metadata[BlockMetadataIndex.TRANSACTIONS_FILTER] ?? new Uint8Array();
  const transactions = database.prepare(
    "SELECT ordinal, code, txid, envelope FROM transactions WHERE block = ? ORDER BY ordinal",
  ).all(blockNumber);
  for (const [i, { ordinal, code, txid, envelope }] of transactions.entries()) {
    const place = `transaction ${i}`;
    if (ordinal !== (row.first_tx as number) + i) yield found(`${place} is out of its place`);
    if (code !== flags[i]) yield found(`${place} is indexed with flag ${code}, not ${flags[i]}`);
    const txId = indexedTxId(decodeTransaction(envelope as Uint8Array)) || null;
    if (txid !== txId) yield found(`${place} is indexed under id ${txid}, not ${txId}`);
  }
}
