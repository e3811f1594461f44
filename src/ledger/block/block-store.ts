/**
 * Blocks and transactions in one database connection, found by number, hash and txid. Mirrors
 * common/ledger/blkstorage/fsblkstorage.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type Block,
  BlockDataSchema,
  BlockHeaderSchema,
  BlockMetadataSchema,
  BlockSchema,
} from "../../gen/common/common_pb.ts";
import { hex, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { DenimError } from "../../base/errors.ts";
import { blockHeaderHash } from "../../protocol/block.ts";
import { encodeWire } from "../../protocol/wire-encoder.ts";
import type { Database, Row } from "../storage/database.ts";

/** Fabric's words for anything that is not on the chain. */
const notFoundText = "Entry not found in index";

function notFound(facts: Record<string, unknown>): DenimError {
  return new DenimError("not-found", notFoundText, facts);
}

const shortIdBytes = 6;

/**
 * 48 bits of the id's hash, by which it is indexed. Hashed, so that nobody can choose ids that
 * collide; rows keep the whole id to tell collisions apart.
 */
function shortId(txId: string): number {
  const digest = sha256(utf8(txId));
  let id = 0;
  for (let i = 0; i < shortIdBytes; i++) id = id * 256 + digest[i];
  return id;
}

export interface StoredTransaction {
  readonly ordinal: number;
  readonly blockNumber: number;
  readonly envelope: Uint8Array;
  readonly validationCode: number;
}

/** The newest block, as the next one must follow it. */
export interface ChainTip {
  /** Number of blocks. */
  readonly height: number;
  /** Number of transactions in all blocks: the ordinal of the next one. */
  readonly transactions: number;
  readonly headerHash: Uint8Array;
  readonly previousHash: Uint8Array;
}

export const emptyChain: ChainTip = {
  height: 0,
  transactions: 0,
  headerHash: new Uint8Array(0),
  previousHash: new Uint8Array(0),
};

export class BlockStore {
  constructor(readonly database: Database) {}

  tip(): ChainTip {
    const row = this.database.prepare(
      `SELECT number, first_tx + tx_count AS transactions, header_hash, header
       FROM blocks ORDER BY number DESC LIMIT 1`,
    ).get();
    if (row === undefined) return emptyChain;
    return {
      height: (row.number as number) + 1,
      transactions: row.transactions as number,
      headerHash: row.header_hash as Uint8Array,
      previousHash: fromBinary(BlockHeaderSchema, row.header as Uint8Array).previousHash,
    };
  }

  /** Inside the block's transaction. @param txIds the id each transaction is found by */
  add(
    block: Block,
    firstOrdinal: number,
    flags: Uint8Array,
    txIds: readonly string[],
  ): void {
    const header = block.header ?? create(BlockHeaderSchema);
    const number = Number(header.number);
    const data = block.data?.data ?? [];
    this.database.prepare(
      `INSERT INTO blocks (number, first_tx, tx_count, header_hash, header, metadata)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ).run(
      number,
      firstOrdinal,
      data.length,
      blockHeaderHash(header),
      encodeWire(BlockHeaderSchema, header),
      encodeWire(BlockMetadataSchema, block.metadata ?? create(BlockMetadataSchema)),
    );
    const insert = this.database.prepare(
      `INSERT INTO transactions (ordinal, block, code, short_id, txid, envelope)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    data.forEach((envelope, i) => {
      const txId = txIds[i] === "" ? null : txIds[i];
      const short = txId === null ? null : shortId(txId);
      insert.run(firstOrdinal + i, number, flags[i], short, txId, envelope);
    });
  }

  /** @throws DenimError `not-found` */
  byNumber(number: number): Block {
    const row = Number.isSafeInteger(number)
      ? this.database.prepare(
        "SELECT first_tx, tx_count, header, metadata FROM blocks WHERE number = ?",
      ).get(number)
      : undefined;
    if (row === undefined) throw notFound({ blockNumber: number });
    return this.#assemble(row);
  }

  /** @throws DenimError `not-found` */
  byHash(headerHash: Uint8Array): Block {
    const row = this.database.prepare(
      "SELECT first_tx, tx_count, header, metadata FROM blocks WHERE header_hash = ? LIMIT 1",
    ).get(headerHash);
    if (row === undefined) throw notFound({ headerHash: hex(headerHash) });
    return this.#assemble(row);
  }

  /** The first transaction with this id. @throws DenimError `not-found` */
  transaction(txId: string): StoredTransaction {
    const row = this.database.prepare(
      `SELECT ordinal, block, code, envelope FROM transactions WHERE short_id = ? AND txid = ?
       ORDER BY ordinal LIMIT 1`,
    ).get(shortId(txId), txId);
    if (row === undefined) throw notFound({ txId });
    return storedTransaction(row);
  }

  hasTransaction(txId: string): boolean {
    return this.database.prepare(
      "SELECT 1 FROM transactions WHERE short_id = ? AND txid = ? LIMIT 1",
    ).get(shortId(txId), txId) !== undefined;
  }

  /** By position in the order of commit. */
  transactionAt(ordinal: number): StoredTransaction {
    const row = this.database.prepare(
      "SELECT ordinal, block, code, envelope FROM transactions WHERE ordinal = ?",
    ).get(ordinal);
    if (row === undefined) throw notFound({ ordinal });
    return storedTransaction(row);
  }

  #assemble(row: Row): Block {
    const first = row.first_tx as number;
    const data = this.database.prepare(
      "SELECT envelope FROM transactions WHERE ordinal >= ? AND ordinal < ? ORDER BY ordinal",
    ).all(first, first + (row.tx_count as number));
    return create(BlockSchema, {
      header: fromBinary(BlockHeaderSchema, row.header as Uint8Array),
      data: create(BlockDataSchema, { data: data.map((tx) => tx.envelope as Uint8Array) }),
      metadata: fromBinary(BlockMetadataSchema, row.metadata as Uint8Array),
    });
  }
}

function storedTransaction(row: Row): StoredTransaction {
  return {
    ordinal: row.ordinal as number,
    blockNumber: row.block as number,
    envelope: row.envelope as Uint8Array,
    validationCode: row.code as number,
  };
}
