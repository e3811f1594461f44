/**
 * One transaction of a block, taken apart: is it well formed, is its id right, does the proposal
 * response belong to its proposal? Everything but signatures, which are checked for a whole block
 * at once. Mirrors core/common/validation/msgvalidation.go (ValidateTransaction) of Fabric 1.4.2.
 */
import { hash } from "node:crypto";
import type { Envelope, Payload } from "../gen/common/common_pb.ts";
import {
  type ChannelHeader,
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
  type SignatureHeader,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import {
  type ProposalResponsePayload,
  ProposalResponsePayloadSchema,
} from "../gen/peer/proposal_response_pb.ts";
import {
  type ChaincodeActionPayload,
  ChaincodeActionPayloadSchema,
  type ChaincodeEndorsedAction,
  TransactionSchema,
  TxValidationCode,
} from "../gen/peer/transaction_pb.ts";
import { concat, emptyBytes, hex } from "../base/bytes.ts";
import { hasBytesField, tryDecodeAsGo } from "../protocol/go-wire.ts";

/** A flag and, for logs, why. */
export interface Verdict {
  readonly code: TxValidationCode;
  readonly reason: string;
}

/** What an endorser transaction carries, structure and hashes checked. */
export interface EndorserTransaction {
  readonly actionPayload: ChaincodeActionPayload;
  readonly action: ChaincodeEndorsedAction;
  readonly responsePayload: ProposalResponsePayload;
}

/** A transaction whose envelope and headers are readable. */
export interface ReadableTransaction {
  readonly envelope: Envelope;
  readonly payload: Payload;
  readonly channelHeader: ChannelHeader;
  readonly signatureHeader: SignatureHeader;
  /** The verdict once the creator's signature is known to be good; undefined = go on. */
  readonly afterSignature: Verdict | undefined;
  /** Set for endorser transactions that may go on. */
  readonly endorser: EndorserTransaction | undefined;
}

export type TransactionReading = { readonly verdict: Verdict } | ReadableTransaction;

const verdict = (code: TxValidationCode, reason: string): Verdict => ({ code, reason });

/** Reads one entry of BlockData.data. Never throws. */
export function readTransaction(data: Uint8Array | undefined): TransactionReading {
  if (data === undefined) {
    return { verdict: verdict(TxValidationCode.NIL_ENVELOPE, "nil envelope") };
  }
  const envelope = tryDecodeAsGo(EnvelopeSchema, data);
  if (!envelope) {
    return { verdict: verdict(TxValidationCode.INVALID_OTHER_REASON, "not an Envelope") };
  }
  const payload = tryDecodeAsGo(PayloadSchema, envelope.payload);
  if (!payload) return { verdict: verdict(TxValidationCode.BAD_PAYLOAD, "not a Payload") };
  const headers = readHeaders(payload);
  if (typeof headers === "string") {
    return { verdict: verdict(TxValidationCode.BAD_COMMON_HEADER, headers) };
  }
  return { envelope, payload, ...headers, ...checkByType(payload, headers) };
}

interface Headers {
  readonly channelHeader: ChannelHeader;
  readonly signatureHeader: SignatureHeader;
}

const knownHeaderTypes: ReadonlySet<number> = new Set([
  HeaderType.ENDORSER_TRANSACTION,
  HeaderType.CONFIG_UPDATE,
  HeaderType.CONFIG,
  HeaderType.TOKEN_TRANSACTION,
]);

/** The headers, or what is wrong with them. Mirrors validateCommonHeader. */
function readHeaders(payload: Payload): Headers | string {
  if (!payload.header) return "nil header";
  const channelHeader = tryDecodeAsGo(ChannelHeaderSchema, payload.header.channelHeader);
  if (!channelHeader) return "error unmarshaling ChannelHeader";
  const signatureHeader = tryDecodeAsGo(SignatureHeaderSchema, payload.header.signatureHeader);
  if (!signatureHeader) return "error unmarshaling SignatureHeader";
  if (!knownHeaderTypes.has(channelHeader.type)) {
    return `invalid header type ${HeaderType[channelHeader.type] ?? channelHeader.type}`;
  }
  if (channelHeader.epoch !== 0n) {
    return `invalid Epoch in ChannelHeader. Expected 0, got [${channelHeader.epoch}]`;
  }
  const reason = badSignatureHeader(signatureHeader);
  return reason ?? { channelHeader, signatureHeader };
}

function badSignatureHeader(header: SignatureHeader): string | undefined {
  if (header.nonce.length === 0) return "invalid nonce specified in the header";
  if (header.creator.length === 0) return "invalid creator specified in the header";
  return undefined;
}

type TypeCheck = Pick<ReadableTransaction, "afterSignature" | "endorser">;

function checkByType(payload: Payload, headers: Headers): TypeCheck {
  const refuse = (code: TxValidationCode, reason: string): TypeCheck => ({
    afterSignature: verdict(code, reason),
    endorser: undefined,
  });
  switch (headers.channelHeader.type) {
    case HeaderType.ENDORSER_TRANSACTION: {
      const wrongTxId = checkTxId(headers);
      if (wrongTxId) return refuse(TxValidationCode.BAD_PROPOSAL_TXID, wrongTxId);
      const endorser = readEndorserTransaction(payload);
      if (typeof endorser === "string") {
        return refuse(TxValidationCode.INVALID_ENDORSER_TRANSACTION, endorser);
      }
      return { afterSignature: undefined, endorser };
    }
    case HeaderType.CONFIG:
      if (payload.data.length === 0) {
        return refuse(TxValidationCode.INVALID_CONFIG_TRANSACTION, "nil arguments");
      }
      return { afterSignature: undefined, endorser: undefined };
    case HeaderType.TOKEN_TRANSACTION: {
      const wrongTxId = checkTxId(headers);
      if (wrongTxId) return refuse(TxValidationCode.BAD_PROPOSAL_TXID, wrongTxId);
      // 1.4.2 switched tokens off: such a transaction is well formed and of no known type.
      return refuse(TxValidationCode.UNKNOWN_TX_TYPE, "Unknown transaction type");
    }
    default:
      return refuse(TxValidationCode.UNSUPPORTED_TX_PAYLOAD, "unsupported transaction payload");
  }
}

/** The id must be the SHA-256 of nonce and creator. Mirrors protos/utils CheckTxID. */
function checkTxId({ channelHeader, signatureHeader }: Headers): string | undefined {
  const expected = hash("sha256", concat(signatureHeader.nonce, signatureHeader.creator), "hex");
  return channelHeader.txId === expected
    ? undefined
    : `invalid txid. got [${channelHeader.txId}], expected [${expected}]`;
}

/** Mirrors validateEndorserTransaction; a missing action, which crashes 1.4.2, is an error too. */
function readEndorserTransaction(payload: Payload): EndorserTransaction | string {
  const transaction = tryDecodeAsGo(TransactionSchema, payload.data);
  if (!transaction) return "error unmarshaling Transaction";
  if (transaction.actions.length !== 1) {
    return `only one action per transaction is supported, tx contains ${transaction.actions.length}`;
  }
  const [outer] = transaction.actions;
  const signatureHeader = tryDecodeAsGo(SignatureHeaderSchema, outer.header);
  if (!signatureHeader) return "error unmarshaling SignatureHeader";
  const reason = badSignatureHeader(signatureHeader);
  if (reason) return reason;
  const actionPayload = tryDecodeAsGo(ChaincodeActionPayloadSchema, outer.payload);
  if (!actionPayload) return "error unmarshaling ChaincodeActionPayload";
  const { action } = actionPayload;
  if (!action) return "nil action";
  const responsePayload = tryDecodeAsGo(
    ProposalResponsePayloadSchema,
    action.proposalResponsePayload,
  );
  if (!responsePayload) return "error unmarshaling ProposalResponsePayload";
  const proposalPayload = actionPayload.chaincodeProposalPayload;
  if (proposalPayload.length === 0 && !hasBytesField(outer.payload, 1)) return "nil arguments";
  const proposal = concat(
    payload.header?.channelHeader ?? emptyBytes,
    outer.header,
    proposalPayload,
  );
  if (hash("sha256", proposal, "hex") !== hex(responsePayload.proposalHash)) {
    return "proposal hash does not match";
  }
  return { actionPayload, action, responsePayload };
}
