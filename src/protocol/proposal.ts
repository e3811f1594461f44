/** Building, signing and hashing proposals. Mirrors protos/utils/proputils.go and txutils.go. */
import { create } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import { sha256 } from "../crypto/hash.ts";
import type { Clock } from "../base/clock.ts";
import {
  ChannelHeaderSchema,
  type Header,
  HeaderSchema,
  HeaderType,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import {
  ChaincodeIDSchema,
  ChaincodeInputSchema,
  type ChaincodeInvocationSpec,
  ChaincodeInvocationSpecSchema,
  ChaincodeSpec_Type,
  ChaincodeSpecSchema,
} from "../gen/peer/chaincode_pb.ts";
import {
  ChaincodeHeaderExtensionSchema,
  ChaincodeProposalPayloadSchema,
  type Proposal,
  ProposalSchema,
  type SignedProposal,
  SignedProposalSchema,
} from "../gen/peer/proposal_pb.ts";
import type { SigningIdentity } from "./signing-identity.ts";
import { decode } from "./decode.ts";
import { timestampFromMs } from "./timestamp.ts";
import { computeTxId } from "./txid.ts";
import { encodeWire } from "./wire-encoder.ts";

export interface ProposalInput {
  /** "" for proposals that concern no channel (install, JoinChain, …). */
  readonly channelId: string;
  readonly invocation: ChaincodeInvocationSpec;
  /** SerializedIdentity of the one who will sign. */
  readonly creator: Uint8Array;
  readonly nonce: Uint8Array;
  /** Gives the time of the channel header. */
  readonly clock: Clock;
  readonly transient?: Readonly<Record<string, Uint8Array>>;
  /** ENDORSER_TRANSACTION unless said otherwise (JoinChain proposals are CONFIG). */
  readonly type?: HeaderType;
  /** SHA-256 of the client's TLS certificate, where the connection is mutually authenticated. */
  readonly tlsCertHash?: Uint8Array;
}

export interface BuiltProposal {
  readonly proposal: Proposal;
  readonly txId: string;
}

/** An invocation of `name` as the CLI and SDKs write it; strings become UTF-8. */
export function invocationOf(
  name: string,
  args: readonly (Uint8Array | string)[],
  options: { type?: ChaincodeSpec_Type; version?: string } = {},
): ChaincodeInvocationSpec {
  const encoder = new TextEncoder();
  return create(ChaincodeInvocationSpecSchema, {
    chaincodeSpec: create(ChaincodeSpecSchema, {
      type: options.type ?? ChaincodeSpec_Type.GOLANG,
      chaincodeId: create(ChaincodeIDSchema, { name, version: options.version ?? "" }),
      input: create(ChaincodeInputSchema, {
        args: args.map((arg) => typeof arg === "string" ? encoder.encode(arg) : arg),
      }),
    }),
  });
}

/** A chaincode proposal and its transaction id. */
export function createProposal(input: ProposalInput): BuiltProposal {
  const txId = computeTxId(input.nonce, input.creator);
  const extension = encodeWire(
    ChaincodeHeaderExtensionSchema,
    create(ChaincodeHeaderExtensionSchema, {
      chaincodeId: input.invocation.chaincodeSpec?.chaincodeId,
    }),
  );
  const channelHeader = create(ChannelHeaderSchema, {
    type: input.type ?? HeaderType.ENDORSER_TRANSACTION,
    txId,
    timestamp: timestampFromMs(input.clock.now()),
    channelId: input.channelId,
    extension,
    tlsCertHash: input.tlsCertHash,
  });
  const signatureHeader = create(SignatureHeaderSchema, {
    creator: input.creator,
    nonce: input.nonce,
  });
  const header = create(HeaderSchema, {
    channelHeader: encodeWire(ChannelHeaderSchema, channelHeader),
    signatureHeader: encodeWire(SignatureHeaderSchema, signatureHeader),
  });
  const payload = create(ChaincodeProposalPayloadSchema, {
    input: encodeWire(ChaincodeInvocationSpecSchema, input.invocation),
    TransientMap: { ...input.transient },
  });
  return {
    txId,
    proposal: create(ProposalSchema, {
      header: encodeWire(HeaderSchema, header),
      payload: encodeWire(ChaincodeProposalPayloadSchema, payload),
    }),
  };
}

/** Signs the proposal's bytes. */
export function signProposal(proposal: Proposal, signer: SigningIdentity): SignedProposal {
  const proposalBytes = encodeWire(ProposalSchema, proposal);
  return create(SignedProposalSchema, { proposalBytes, signature: signer.sign(proposalBytes) });
}

/**
 * The ChaincodeProposalPayload bytes that go into the transaction: the input without the transient
 * fields (full visibility is the only mode there is).
 *
 * @throws DenimError `malformed-message`
 */
export function proposalPayloadForTransaction(payload: Uint8Array): Uint8Array {
  const { input } = decode(ChaincodeProposalPayloadSchema, payload);
  return encodeWire(
    ChaincodeProposalPayloadSchema,
    { $typeName: "protos.ChaincodeProposalPayload", input, TransientMap: {} },
  );
}

/**
 * SHA-256 over channel header, signature header and the payload without transient fields: what
 * endorsers put into the ProposalResponsePayload.
 *
 * @param payload Proposal.payload as it came, transient fields included
 * @throws DenimError `malformed-message`, `missing-header`
 */
export function proposalHash(header: Header, payload: Uint8Array): Uint8Array {
  return committedProposalHash(header, proposalPayloadForTransaction(payload));
}

/**
 * The same hash where the payload has lost its transient fields already (in a transaction).
 *
 * @throws DenimError `missing-header`
 */
export function committedProposalHash(header: Header, payload: Uint8Array): Uint8Array {
  if (header.channelHeader.length === 0 || header.signatureHeader.length === 0) {
    throw new DenimError("missing-header", "nil arguments");
  }
  return sha256(header.channelHeader, header.signatureHeader, payload);
}
