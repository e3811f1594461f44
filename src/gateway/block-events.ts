/**
 * The chaincode events of a block. Mirrors internal/pkg/gateway/event of Fabric 2.5; what cannot be
 * read in a block has no events, rather than ending the streams of all listeners.
 */
import { emptyBytes } from "../base/bytes.ts";
import {
  type Block,
  BlockMetadataIndex,
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import { type ChaincodeEvent, ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import { ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import { ProposalResponsePayloadSchema } from "../gen/peer/proposal_response_pb.ts";
import {
  ChaincodeActionPayloadSchema,
  TransactionSchema,
  TxValidationCode,
} from "../gen/peer/transaction_pb.ts";
import { metadataSlot } from "../protocol/block.ts";
import { tryDecode } from "../protocol/decode.ts";

export interface TransactionEvents {
  readonly txId: string;
  /** Empty for transactions that are not valid. */
  readonly events: readonly ChaincodeEvent[];
}

/** One entry for each endorser transaction, in their order. */
export function blockEvents(block: Block): TransactionEvents[] {
  const flags = metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER);
  return (block.data?.data ?? []).flatMap((bytes, i) => {
    const envelope = tryDecode(EnvelopeSchema, bytes);
    const payload = envelope && tryDecode(PayloadSchema, envelope.payload);
    const header = payload?.header &&
      tryDecode(ChannelHeaderSchema, payload.header.channelHeader);
    if (header?.type !== HeaderType.ENDORSER_TRANSACTION) return [];
    const events = flags[i] === TxValidationCode.VALID ? eventsOf(payload?.data ?? emptyBytes) : [];
    return [{ txId: header.txId, events }];
  });
}

function eventsOf(transaction: Uint8Array): ChaincodeEvent[] {
  return (tryDecode(TransactionSchema, transaction)?.actions ?? []).flatMap(({ payload }) => {
    const action = tryDecode(ChaincodeActionPayloadSchema, payload)?.action;
    const response = action &&
      tryDecode(ProposalResponsePayloadSchema, action.proposalResponsePayload);
    const outcome = response && tryDecode(ChaincodeActionSchema, response.extension);
    const event = outcome && tryDecode(ChaincodeEventSchema, outcome.events);
    return event && event.chaincodeId !== "" && event.eventName !== "" && event.txId !== ""
      ? [event]
      : [];
  });
}
