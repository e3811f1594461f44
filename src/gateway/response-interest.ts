/** What an endorsed transaction touches, from the endorsement itself. */
import type { ChaincodeInterest } from "../gen/discovery/protocol_pb.ts";
import { ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import {
  type ProposalResponse,
  ProposalResponsePayloadSchema,
} from "../gen/peer/proposal_response_pb.ts";
import { chaincodeInterest } from "../endorser/chaincode-interest.ts";
import { decodeReadWriteSet } from "../ledger/rwset/decode.ts";
import { decode } from "../protocol/decode.ts";
import type { GatewayDependencies } from "./types.ts";

/**
 * As the endorser says, or, for peers of Fabric 1.4 that do not say it, from its read-write set and
 * this peer's state. Undefined where nothing was touched or the set cannot be read.
 */
export function interestOfResponse(
  { interest, payload }: ProposalResponse,
  channelId: string,
  { channel, isSystemChaincode }: Pick<GatewayDependencies, "channel" | "isSystemChaincode">,
): ChaincodeInterest | undefined {
  if (interest) return interest.chaincodes.length > 0 ? interest : undefined;
  const state = channel(channelId)?.ledger.newQueryExecutor();
  if (!state) return undefined;
  try {
    const { extension } = decode(ProposalResponsePayloadSchema, payload);
    const { results } = decode(ChaincodeActionSchema, extension);
    const derived = chaincodeInterest({
      namespaces: decodeReadWriteSet(results).namespaces,
      privateReads: undefined,
      state: () => state,
      isSystemChaincode,
    });
    return derived.chaincodes.length > 0 ? derived : undefined;
  } catch {
    return undefined;
  } finally {
    state.done();
  }
}
