/** Rows on their way to the shim. Mirrors core/chaincode/pending_query_result.go. */
import { create } from "@bufbuild/protobuf";
import { KeyModificationSchema, KVSchema } from "../gen/ledger/queryresult/kv_query_result_pb.ts";
import type { KeyModification, KeyValue, ResultsIterator } from "../ledger/types.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

export type QueryRow = KeyValue | KeyModification;

/** An open iterator with the rows that were read but not yet sent. */
export class PendingQuery {
  #batch: Uint8Array[] = [];
  /** Rows read so far, over all batches. */
  returned = 0;

  constructor(readonly id: string, readonly iterator: ResultsIterator<QueryRow>) {}

  get pending(): number {
    return this.#batch.length;
  }

  add(row: QueryRow): void {
    this.#batch.push(encodeRow(row));
    this.returned++;
  }

  cut(): Uint8Array[] {
    const batch = this.#batch;
    this.#batch = [];
    return batch;
  }
}

function encodeRow(row: QueryRow): Uint8Array {
  return "namespace" in row
    ? encodeWire(
      KVSchema,
      create(KVSchema, { namespace: row.namespace, key: row.key, value: row.value }),
    )
    : encodeWire(
      KeyModificationSchema,
      create(KeyModificationSchema, {
        txId: row.txId,
        value: row.value,
        timestamp: row.timestamp,
        isDelete: row.isDelete,
      }),
    );
}
