/**
 * Batches of query results between peer and shim. Mirrors
 * core/chaincode/query_response_generator.go: how far the iterator is
 * read ahead shows in the end key of a recorded range query, so it is reproduced exactly.
 */
import { create } from "@bufbuild/protobuf";
import {
  type QueryResponse,
  QueryResponseMetadataSchema,
  QueryResponseSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import type { PagedIterator } from "../ledger/types.ts";
import type { PendingQuery, QueryRow } from "./pending-query.ts";
import type { TransactionContext } from "./transaction-context.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

/** Results in one message to the shim. Fabric's MaxResultLimit. */
export const maxResultsPerBatch = 100;

/**
 * The next batch of a query without explicit paging. It reads one row beyond a full batch to know
 * whether more follow, and ends (closing the iterator) at the last row or at `totalLimit` rows.
 *
 * @throws what the iterator throws; the query is closed then
 */
export function nextBatch(
  context: TransactionContext,
  query: PendingQuery,
  totalLimit: number,
): QueryResponse {
  return closingOnError(context, query, () => {
    while (query.returned < totalLimit) {
      const row = query.iterator.next();
      if (row === undefined) break;
      if (query.pending === maxResultsPerBatch) {
        const batch = query.cut();
        query.add(row);
        return response(query.id, batch, true);
      }
      query.add(row);
    }
    context.closeQuery(query.id);
    return response(query.id, query.cut(), false);
  });
}

/** The one batch of a query with explicit paging, with bookmark and count in its metadata. */
export function pageOf(
  context: TransactionContext,
  query: PendingQuery,
  iterator: PagedIterator<QueryRow>,
  totalLimit: number,
): QueryResponse {
  return closingOnError(context, query, () => {
    while (query.returned < totalLimit) {
      const row = iterator.next();
      if (row === undefined) break;
      query.add(row);
    }
    const bookmark = iterator.bookmarkAndClose();
    context.forgetQuery(query.id);
    const metadata = create(QueryResponseMetadataSchema, {
      fetchedRecordsCount: query.returned,
      bookmark,
    });
    const page = response(query.id, query.cut(), false);
    page.metadata = encodeWire(QueryResponseMetadataSchema, metadata);
    return page;
  });
}

function closingOnError<T>(context: TransactionContext, query: PendingQuery, read: () => T): T {
  try {
    return read();
  } catch (error) {
    context.closeQuery(query.id);
    throw error;
  }
}

function response(id: string, batch: Uint8Array[], hasMore: boolean): QueryResponse {
  return create(QueryResponseSchema, {
    id,
    hasMore,
    results: batch.map((resultBytes) => ({ resultBytes })),
  });
}
