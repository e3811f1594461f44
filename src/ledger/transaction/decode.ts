/** What the ledger needs from a transaction envelope. Mirrors protos/utils/txutils.go and proputils.go. */
import {
  type ChannelHeader,
  ChannelHeaderSchema,
  EnvelopeSchema,
  type Header,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../../gen/common/common_pb.ts";
import { type ChaincodeAction, ChaincodeActionSchema } from "../../gen/peer/proposal_pb.ts";
import { ProposalResponsePayloadSchema } from "../../gen/peer/proposal_response_pb.ts";
import { ChaincodeActionPayloadSchema, TransactionSchema } from "../../gen/peer/transaction_pb.ts";
import { DenimError } from "../../base/errors.ts";
import { decodeAsGo } from "../../protocol/go-wire.ts";
import { computeTxId } from "../../protocol/txid.ts";

export interface DecodedTransaction {
  readonly channelHeader: ChannelHeader;
  readonly header: Header;
  /** Payload.data: a Transaction, a ConfigEnvelope, … */
  readonly data: Uint8Array;
}

/** Envelope → channel header and data; undefined where any layer is missing or does not parse. */
export function decodeTransaction(envelope: Uint8Array): DecodedTransaction | undefined {
  try {
    const payload = decodeAsGo(PayloadSchema, decodeAsGo(EnvelopeSchema, envelope).payload);
    if (payload.header === undefined) return undefined;
    const channelHeader = decodeAsGo(ChannelHeaderSchema, payload.header.channelHeader);
    return { channelHeader, header: payload.header, data: payload.data };
  } catch {
    return undefined; // The flag of such a transaction says why; the ledger only keeps its bytes.
  }
}

/** The id a transaction is found by: its own, else computed from nonce and creator, else "". */
export function indexedTxId(transaction: DecodedTransaction | undefined): string {
  if (transaction === undefined) return "";
  if (transaction.channelHeader.txId !== "") return transaction.channelHeader.txId;
  try {
    const { nonce, creator } = decodeAsGo(
      SignatureHeaderSchema,
      transaction.header.signatureHeader,
    );
    return computeTxId(nonce, creator);
  } catch {
    return "";
  }
}

/**
 * What an endorser transaction's first action did.
 * @throws DenimError `nil-transaction-action` where there is none
 */
export function chaincodeActionOf(transaction: DecodedTransaction): ChaincodeAction {
  try {
    const { actions } = decodeAsGo(TransactionSchema, transaction.data);
    if (actions.length > 0) {
      const { action } = decodeAsGo(ChaincodeActionPayloadSchema, actions[0].payload);
      if (action !== undefined && action.proposalResponsePayload.length > 0) {
        const { extension } = decodeAsGo(
          ProposalResponsePayloadSchema,
          action.proposalResponsePayload,
        );
        if (extension.length > 0) return decodeAsGo(ChaincodeActionSchema, extension);
      }
    }
  } catch (cause) {
    throw new DenimError(
      "nil-transaction-action",
      "the transaction's action cannot be read",
      {},
      undefined,
      { cause },
    );
  }
  throw new DenimError("nil-transaction-action", "at least one TransactionAction required");
}

/** Its simulation results (TxReadWriteSet bytes). @throws DenimError `nil-transaction-action` */
export function simulationResultsOf(transaction: DecodedTransaction): Uint8Array {
  return chaincodeActionOf(transaction).results;
}
