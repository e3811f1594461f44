/** From the last message of a chaincode to a result. Mirrors processChaincodeExecutionResult of core/chaincode/chaincode_support.go. */
import { text } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
} from "../gen/peer/chaincode_shim_pb.ts";
import { ResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { decodeWire } from "../protocol/wire-decoder.ts";
import type { ExecuteResult } from "./types.ts";
import { wrapError } from "./wrap-error.ts";

/**
 * Waits for the message and takes it apart; the event is given the name and transaction id the peer
 * knows, whatever the chaincode wrote there.
 *
 * @throws DenimError with Fabric's texts: `failed to execute transaction …`, `transaction returned with failure: …`
 */
export async function executionResult(
  txId: string,
  chaincodeName: string,
  execution: Promise<ChaincodeMessage>,
): Promise<ExecuteResult> {
  let last: ChaincodeMessage;
  try {
    last = await execution;
  } catch (error) {
    throw wrapError(`failed to execute transaction ${txId}`, error);
  }
  const event = last.chaincodeEvent;
  if (event !== undefined) {
    event.chaincodeId = chaincodeName;
    event.txId = txId;
  }
  if (last.type === Type.COMPLETED) {
    try {
      // Whole, since it becomes part of what is endorsed.
      const response = decodeWire(ResponseSchema, last.payload, { keepUnknown: true });
      return { response, event };
    } catch (error) {
      throw wrapError(`failed to unmarshal response for transaction ${txId}`, error);
    }
  }
  throw new DenimError(
    "chaincode-failed",
    `transaction returned with failure: ${text(last.payload)}`,
    { chaincode: chaincodeName, txId },
  );
}
