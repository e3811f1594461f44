/** Ranges, rich queries and history, with their iterators. Mirrors the query part of core/chaincode/handler.go. */
import { create } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import {
  GetHistoryForKeySchema,
  GetQueryResultSchema,
  GetStateByRangeSchema,
  type QueryMetadata,
  QueryMetadataSchema,
  type QueryResponse,
  QueryResponseSchema,
  QueryStateCloseSchema,
  QueryStateNextSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import type { PagedIterator, ResultsIterator } from "../ledger/types.ts";
import type { QueryRow } from "./pending-query.ts";
import { nextBatch, pageOf } from "./query-response.ts";
import { decode, requireCollectionRead, type ShimCall, simulatorOf } from "./shim-call.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

export function getStateByRange(call: ShimCall): Uint8Array {
  const range = decode(GetStateByRangeSchema, call.message.payload);
  const { startKey, endKey, collection } = range;
  const paging = decode(QueryMetadataSchema, range.metadata);
  const limit = returnLimit(call, paging);
  const { chaincodeName } = call;
  const simulator = simulatorOf(call.context);
  if (collection !== "") {
    requireCollectionRead(call, collection);
    return firstBatch(
      call,
      simulator.getPrivateDataRange(chaincodeName, collection, startKey, endKey),
      limit,
    );
  }
  if (!isPaged(paging)) {
    return firstBatch(call, simulator.getStateRange(chaincodeName, startKey, endKey), limit);
  }
  // For ranges a bookmark is simply the key to go on from.
  const from = paging.bookmark === "" ? startKey : paging.bookmark;
  return onlyPage(call, simulator.getStateRangePaged(chaincodeName, from, endKey, limit), limit);
}

export function getQueryResult(call: ShimCall): Uint8Array {
  const { query, collection, metadata } = decode(GetQueryResultSchema, call.message.payload);
  const paging = decode(QueryMetadataSchema, metadata);
  const limit = returnLimit(call, paging);
  const { chaincodeName } = call;
  const simulator = simulatorOf(call.context);
  if (collection !== "") {
    requireCollectionRead(call, collection);
    return firstBatch(
      call,
      simulator.executeQueryOnPrivateData(chaincodeName, collection, query),
      limit,
    );
  }
  if (!isPaged(paging)) {
    return firstBatch(call, simulator.executeQuery(chaincodeName, query), limit);
  }
  return onlyPage(
    call,
    simulator.executeQueryPaged(chaincodeName, query, paging.bookmark, limit),
    limit,
  );
}

export function getHistoryForKey(call: ShimCall): Uint8Array {
  const { key } = decode(GetHistoryForKeySchema, call.message.payload);
  const { history } = call.context.params;
  if (history === undefined) {
    throw new DenimError("no-history", "history database is not available to this transaction");
  }
  return firstBatch(
    call,
    history.getHistoryForKey(call.chaincodeName, key),
    call.services.totalQueryLimit,
  );
}

export function nextOfQuery(call: ShimCall): Uint8Array {
  const { id } = decode(QueryStateNextSchema, call.message.payload);
  const query = call.context.query(id);
  if (query === undefined) {
    throw new DenimError("no-such-query", "query iterator not found", { id });
  }
  return encode(nextBatch(call.context, query, call.services.totalQueryLimit));
}

/** Closing what is closed already is no error. */
export function closeQuery(call: ShimCall): Uint8Array {
  const { id } = decode(QueryStateCloseSchema, call.message.payload);
  call.context.closeQuery(id);
  return encode(create(QueryResponseSchema, { id, hasMore: false }));
}

function firstBatch(
  call: ShimCall,
  iterator: ResultsIterator<QueryRow>,
  limit: number,
): Uint8Array {
  const query = call.context.openQuery(call.services.newQueryId(), iterator);
  return encode(nextBatch(call.context, query, limit));
}

function onlyPage(call: ShimCall, iterator: PagedIterator<QueryRow>, limit: number): Uint8Array {
  const query = call.context.openQuery(call.services.newQueryId(), iterator);
  return encode(pageOf(call.context, query, iterator, limit));
}

function isPaged(paging: QueryMetadata): boolean {
  return paging.pageSize !== 0 || paging.bookmark !== "";
}

function returnLimit(call: ShimCall, { pageSize }: QueryMetadata): number {
  const { totalQueryLimit } = call.services;
  return pageSize > 0 && pageSize < totalQueryLimit ? pageSize : totalQueryLimit;
}

function encode(response: QueryResponse): Uint8Array {
  return encodeWire(QueryResponseSchema, response);
}
