/** Transactions: from endorsed proposals, and back to their parts. Mirrors protos/utils/txutils.go. */
import { create } from "@bufbuild/protobuf";
import { equal } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  type Envelope,
  EnvelopeSchema,
  type Header,
  HeaderSchema,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import {
  type ChaincodeAction,
  ChaincodeActionSchema,
  type Proposal,
} from "../gen/peer/proposal_pb.ts";
import {
  type Endorsement,
  type ProposalResponse,
  type ProposalResponsePayload,
  ProposalResponsePayloadSchema,
} from "../gen/peer/proposal_response_pb.ts";
import {
  type ChaincodeActionPayload,
  ChaincodeActionPayloadSchema,
  ChaincodeEndorsedActionSchema,
  type Transaction,
  type TransactionAction,
  TransactionActionSchema,
  TransactionSchema,
} from "../gen/peer/transaction_pb.ts";
import type { SigningIdentity } from "./signing-identity.ts";
import { decode } from "./decode.ts";
import { proposalPayloadForTransaction } from "./proposal.ts";
import { encodeWire } from "./wire-encoder.ts";

/**
 * The signed transaction envelope of a proposal and its endorsements.
 *
 * @throws DenimError `no-responses`, `wrong-signer`, `not-endorsed` (a status outside 200-399, or a
 *   response without endorsement), `responses-differ`, with Fabric's texts
 */
export function assembleTransaction(
  proposal: Proposal,
  responses: readonly ProposalResponse[],
  signer: SigningIdentity,
): Envelope {
  if (responses.length === 0) {
    throw new DenimError("no-responses", "at least one proposal response is required");
  }
  const header = decode(HeaderSchema, proposal.header);
  const { creator } = decode(SignatureHeaderSchema, header.signatureHeader);
  if (!equal(signer.serialized, creator)) {
    throw new DenimError(
      "wrong-signer",
      "signer must be the same as the one referenced in the header",
    );
  }
  const payload = transactionPayload({
    header,
    proposalPayload: proposal.payload,
    responsePayload: responses[0].payload,
    endorsements: endorsementsOf(responses),
  });
  return create(EnvelopeSchema, { payload, signature: signer.sign(payload) });
}

/** An endorsed proposal; every part as it came. */
export interface EndorsedProposal {
  readonly header: Header;
  /** Proposal.payload, transient fields included. */
  readonly proposalPayload: Uint8Array;
  /** ProposalResponse.payload, which all endorsements sign. */
  readonly responsePayload: Uint8Array;
  readonly endorsements: readonly Endorsement[];
}

/** The Payload bytes that a transaction's creator signs. @throws DenimError `malformed-message` */
export function transactionPayload(endorsed: EndorsedProposal): Uint8Array {
  const { header, proposalPayload, responsePayload, endorsements } = endorsed;
  const action = create(ChaincodeEndorsedActionSchema, {
    proposalResponsePayload: responsePayload,
    endorsements: [...endorsements],
  });
  const actionPayload = create(ChaincodeActionPayloadSchema, {
    chaincodeProposalPayload: proposalPayloadForTransaction(proposalPayload),
    action,
  });
  const transaction = create(TransactionSchema, {
    actions: [
      create(TransactionActionSchema, {
        header: header.signatureHeader,
        payload: encodeWire(ChaincodeActionPayloadSchema, actionPayload),
      }),
    ],
  });
  return encodeWire(
    PayloadSchema,
    create(PayloadSchema, { header, data: encodeWire(TransactionSchema, transaction) }),
  );
}

function endorsementsOf(responses: readonly ProposalResponse[]) {
  return responses.map((response) => {
    const status = response.response?.status ?? 0;
    if (status < 200 || status >= 400) {
      throw new DenimError(
        "not-endorsed",
        `proposal response was not successful, error code ${status}, msg ${
          response.response?.message ?? ""
        }`,
        { status },
      );
    }
    if (!equal(response.payload, responses[0].payload)) {
      throw new DenimError("responses-differ", "ProposalResponsePayloads do not match", {
        endorsers: responses.length,
      });
    }
    if (response.endorsement === undefined) {
      throw new DenimError("not-endorsed", "proposal response carries no endorsement");
    }
    return response.endorsement;
  });
}

/** One action of a transaction, opened; the bytes that were signed and hashed stay beside it. */
export interface DecodedAction {
  readonly payload: ChaincodeActionPayload;
  /** As endorsed: signatures are over these bytes ‖ endorser. */
  readonly responsePayloadBytes: Uint8Array;
  readonly responsePayload: ProposalResponsePayload;
  readonly chaincodeAction: ChaincodeAction;
}

/** @throws DenimError `malformed-message` */
export function decodeTransaction(data: Uint8Array): Transaction {
  return decode(TransactionSchema, data);
}

/** @throws DenimError `malformed-message`, `missing-payload`, with the texts of GetPayloads */
export function decodeAction(action: TransactionAction): DecodedAction {
  const payload = decode(ChaincodeActionPayloadSchema, action.payload);
  const responsePayloadBytes = payload.action?.proposalResponsePayload;
  if (responsePayloadBytes === undefined || responsePayloadBytes.length === 0) {
    throw new DenimError("missing-payload", "no payload in ChaincodeActionPayload");
  }
  const responsePayload = decode(ProposalResponsePayloadSchema, responsePayloadBytes);
  if (responsePayload.extension.length === 0) {
    throw new DenimError("missing-payload", "response payload is missing extension");
  }
  const chaincodeAction = decode(ChaincodeActionSchema, responsePayload.extension);
  return { payload, responsePayloadBytes, responsePayload, chaincodeAction };
}
