/** What policies evaluate: data, identity, signature. Mirrors protos/common/signed_data.go. */
import { concat } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { type Envelope, PayloadSchema, SignatureHeaderSchema } from "../gen/common/common_pb.ts";
import { HeaderSchema } from "../gen/common/common_pb.ts";
import type { ConfigUpdateEnvelope } from "../gen/common/configtx_pb.ts";
import { ProposalSchema, type SignedProposal } from "../gen/peer/proposal_pb.ts";
import { decode } from "./decode.ts";

/** Mirrors common.SignedData. */
export interface SignedData {
  readonly data: Uint8Array;
  /** SerializedIdentity bytes. */
  readonly identity: Uint8Array;
  readonly signature: Uint8Array;
}

/** The one signature of an envelope. @throws DenimError `malformed-message`, `missing-header` */
export function envelopeSignedData(envelope: Envelope): SignedData[] {
  const { header } = decode(PayloadSchema, envelope.payload);
  if (header === undefined) throw new DenimError("missing-header", "Missing Header");
  const { creator } = decode(SignatureHeaderSchema, header.signatureHeader);
  return [{ data: envelope.payload, identity: creator, signature: envelope.signature }];
}

/** The signatures under a configuration update. @throws DenimError `malformed-message` */
export function configUpdateSignedData(update: ConfigUpdateEnvelope): SignedData[] {
  return update.signatures.map((signature) => ({
    data: concat(signature.signatureHeader, update.configUpdate),
    identity: decode(SignatureHeaderSchema, signature.signatureHeader).creator,
    signature: signature.signature,
  }));
}

/** The signature under a proposal. @throws DenimError `malformed-message` */
export function proposalSignedData(signed: SignedProposal): SignedData {
  const proposal = decode(ProposalSchema, signed.proposalBytes);
  const header = decode(HeaderSchema, proposal.header);
  const { creator } = decode(SignatureHeaderSchema, header.signatureHeader);
  return { data: signed.proposalBytes, identity: creator, signature: signed.signature };
}
