/** Messages to a chaincode, as plain objects: `create` costs more than sending them. */
import type {
  ChaincodeMessage,
  ChaincodeMessage_Type as Type,
} from "../gen/peer/chaincode_shim_pb.ts";
import { emptyBytes } from "../base/bytes.ts";

/** A message, about a transaction where one is named. */
export function chaincodeMessage(
  type: Type,
  payload: Uint8Array = emptyBytes,
  { channelId = "", txid = "" }: { readonly channelId?: string; readonly txid?: string } = {},
): ChaincodeMessage {
  return { $typeName: "protos.ChaincodeMessage", type, payload, txid, channelId };
}
