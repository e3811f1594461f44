/** What a client asks for, read from its signed proposal. Mirrors the first lines of evaluate.go and endorse.go. */
import { DenimError } from "../base/errors.ts";
import { ChannelHeaderSchema, type Header, HeaderSchema } from "../gen/common/common_pb.ts";
import { ChaincodeInvocationSpecSchema, type ChaincodeSpec } from "../gen/peer/chaincode_pb.ts";
import {
  ChaincodeProposalPayloadSchema,
  ProposalSchema,
  type SignedProposal,
} from "../gen/peer/proposal_pb.ts";
import { decode } from "../protocol/decode.ts";

export interface RequestedProposal {
  readonly signed: SignedProposal;
  readonly header: Header;
  /** Proposal.payload as it came. */
  readonly payload: Uint8Array;
  readonly channelId: string;
  readonly txId: string;
  readonly chaincodeSpec: ChaincodeSpec | undefined;
  readonly hasTransientData: boolean;
}

/** @throws DenimError `malformed-message` with Fabric's text; every part may be missing */
export function readProposal(signed: SignedProposal): RequestedProposal {
  const proposal = decode(ProposalSchema, signed.proposalBytes);
  const header = decode(HeaderSchema, proposal.header);
  const { channelId, txId } = decode(ChannelHeaderSchema, header.channelHeader);
  const payload = decode(ChaincodeProposalPayloadSchema, proposal.payload);
  const { chaincodeSpec } = decode(ChaincodeInvocationSpecSchema, payload.input);
  return {
    signed,
    header,
    payload: proposal.payload,
    channelId,
    txId,
    chaincodeSpec,
    hasTransientData: Object.keys(payload.TransientMap).length > 0,
  };
}

/** The name of the chaincode that is called. @throws DenimError `incomplete-proposal` */
export function chaincodeNameOf({ channelId, chaincodeSpec }: RequestedProposal): string {
  const missing = (what: string) => new DenimError("incomplete-proposal", what, { channelId });
  if (channelId === "") throw missing("no channel id provided");
  const where = `channel id [${channelId}]`;
  if (!chaincodeSpec) throw missing(`no chaincode spec is provided, ${where}`);
  if (!chaincodeSpec.chaincodeId) throw missing(`no chaincode id is provided, ${where}`);
  const { name } = chaincodeSpec.chaincodeId;
  if (name === "") throw missing(`no chaincode name is provided, ${where}`);
  return name;
}
