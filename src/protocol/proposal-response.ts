/** What endorsers answer: the signed payload and the response around it. Mirrors protos/utils/txutils.go. */
import type { ChaincodeID } from "../gen/peer/chaincode_pb.ts";
import { ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import {
  type Endorsement,
  ProposalResponsePayloadSchema,
  type Response,
} from "../gen/peer/proposal_response_pb.ts";
import type { SigningIdentity } from "./signing-identity.ts";
import { encodeWire } from "./wire-encoder.ts";

export interface SimulatedAction {
  readonly proposalHash: Uint8Array;
  readonly response: Response;
  /** Serialized TxReadWriteSet; empty for channelless proposals. */
  readonly results: Uint8Array;
  /** Serialized ChaincodeEvent; empty where none was set. */
  readonly events: Uint8Array;
  readonly chaincodeId: ChaincodeID | undefined;
}

/** ProposalResponsePayload bytes: what an endorsement signs. */
export function proposalResponsePayload(action: SimulatedAction): Uint8Array {
  const extension = encodeWire(
    ChaincodeActionSchema,
    {
      $typeName: "protos.ChaincodeAction",
      results: action.results,
      events: action.events,
      response: action.response,
      chaincodeId: action.chaincodeId,
    },
  );
  return encodeWire(
    ProposalResponsePayloadSchema,
    {
      $typeName: "protos.ProposalResponsePayload",
      proposalHash: action.proposalHash,
      extension,
    },
  );
}

/** The signature over payload ‖ endorser, as the default endorsement plugin makes it. */
export function endorse(payload: Uint8Array, signer: SigningIdentity): Endorsement {
  return {
    $typeName: "protos.Endorsement",
    endorser: signer.serialized,
    signature: signer.sign(payload, signer.serialized),
  };
}
