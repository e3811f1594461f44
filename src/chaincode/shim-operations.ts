/**
 * What a chaincode may ask of the peer during a transaction, by message type. Mirrors the dispatch
 * table of handleMessageReadyState in core/chaincode/handler.go.
 */
import { ChaincodeMessage_Type as Type } from "../gen/peer/chaincode_shim_pb.ts";
import { invokeChaincode } from "./shim-invoke.ts";
import type { ShimOperation } from "./shim-call.ts";
import {
  closeQuery,
  getHistoryForKey,
  getQueryResult,
  getStateByRange,
  nextOfQuery,
} from "./shim-query.ts";
import {
  deleteState,
  getPrivateDataHash,
  getState,
  getStateMetadata,
  putState,
  putStateMetadata,
} from "./shim-state.ts";

export const shimOperations: ReadonlyMap<Type, ShimOperation> = new Map<Type, ShimOperation>([
  [Type.GET_STATE, getState],
  [Type.PUT_STATE, putState],
  [Type.DEL_STATE, deleteState],
  [Type.GET_PRIVATE_DATA_HASH, getPrivateDataHash],
  [Type.GET_STATE_METADATA, getStateMetadata],
  [Type.PUT_STATE_METADATA, putStateMetadata],
  [Type.GET_STATE_BY_RANGE, getStateByRange],
  [Type.GET_QUERY_RESULT, getQueryResult],
  [Type.GET_HISTORY_FOR_KEY, getHistoryForKey],
  [Type.QUERY_STATE_NEXT, nextOfQuery],
  [Type.QUERY_STATE_CLOSE, closeQuery],
  [Type.INVOKE_CHAINCODE, invokeChaincode],
]);
