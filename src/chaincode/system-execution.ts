/** System chaincode is called directly, not over a stream. */
import { create } from "@bufbuild/protobuf";
import { withDeadline } from "../base/async.ts";
import { DenimError } from "../base/errors.ts";
import { type ChaincodeEvent, ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import type { ChaincodeInput } from "../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
  ChaincodeMessageSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import { ResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import type { SystemChaincode } from "../syscc/types.ts";
import type { TransactionParams } from "./types.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

/** Responses of this status and above discard the event. Mirrors shim.ERRORTHRESHOLD. */
const errorThreshold = 400;

/**
 * The message a system chaincode would answer over its in-process stream in Fabric.
 *
 * @throws DenimError `execute-timeout`
 */
export async function executeSystemChaincode(
  chaincode: SystemChaincode,
  params: TransactionParams,
  input: ChaincodeInput,
  viaChaincode: boolean,
  timeoutMs: number,
): Promise<ChaincodeMessage> {
  const { channelId, txId } = params;
  let event: ChaincodeEvent | undefined;
  const work = Promise.resolve(chaincode.invoke({
    channelId,
    txId,
    args: input.args,
    signedProposal: params.signedProposal,
    creator: params.creator,
    transient: params.transient,
    simulator: params.simulator,
    viaChaincode,
    setEvent: (eventName, payload) => {
      event = create(ChaincodeEventSchema, {
        chaincodeId: chaincode.name,
        txId,
        eventName,
        payload,
      });
    },
  }));
  let response;
  try {
    response = await withDeadline(work, timeoutMs, chaincode.name);
  } catch (error) {
    if (!(error instanceof DenimError) || error.code !== "deadline-exceeded") throw error;
    throw new DenimError(
      "execute-timeout",
      "timeout expired while executing transaction",
      { chaincode: chaincode.name, txId, timeoutMs },
    );
  }
  return create(ChaincodeMessageSchema, {
    type: Type.COMPLETED,
    payload: encodeWire(ResponseSchema, response),
    txid: txId,
    channelId,
    chaincodeEvent: response.status < errorThreshold ? event : undefined,
  });
}
