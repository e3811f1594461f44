/** A block without payloads: ids, kinds, validation codes, event names. Mirrors core/peer/deliverevents.go. */
import { create } from "@bufbuild/protobuf";
import {
  type Block,
  BlockMetadataIndex,
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import { ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import { ProposalResponsePayloadSchema } from "../gen/peer/proposal_response_pb.ts";
import {
  type FilteredBlock,
  FilteredBlockSchema,
  type FilteredChaincodeAction,
  FilteredChaincodeActionSchema,
  FilteredTransactionActionsSchema,
  FilteredTransactionSchema,
} from "../gen/peer/events_pb.ts";
import {
  ChaincodeActionPayloadSchema,
  type TransactionAction,
  TransactionSchema,
  TxValidationCode,
} from "../gen/peer/transaction_pb.ts";
import { metadataSlot } from "../protocol/block.ts";
import { decode, tryDecode } from "../protocol/decode.ts";

/**
 * @throws DenimError `malformed-message` where a transaction's inside cannot be read; Fabric then
 *   answers BAD_REQUEST instead of the block
 */
export function toFilteredBlock(block: Block): FilteredBlock {
  const filtered = create(FilteredBlockSchema, { number: block.header?.number });
  const flags = metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER);
  (block.data?.data ?? []).forEach((bytes, index) => {
    const envelope = tryDecode(EnvelopeSchema, bytes);
    if (!envelope) return;
    const payload = decode(PayloadSchema, envelope.payload);
    if (!payload.header) return;
    const header = decode(ChannelHeaderSchema, payload.header.channelHeader);
    filtered.channelId = header.channelId;
    const transaction = create(FilteredTransactionSchema, {
      txid: header.txId,
      type: header.type,
      txValidationCode: flags[index] ?? TxValidationCode.NOT_VALIDATED,
    });
    if (header.type === HeaderType.ENDORSER_TRANSACTION) {
      const { actions } = decode(TransactionSchema, payload.data);
      transaction.Data = {
        case: "transactionActions",
        value: create(FilteredTransactionActionsSchema, {
          chaincodeActions: actions.flatMap(filteredAction),
        }),
      };
    }
    filtered.filteredTransactions.push(transaction);
  });
  return filtered;
}

/** The event of one action without its payload; nothing where it has none. */
function filteredAction(action: TransactionAction): FilteredChaincodeAction[] {
  const payload = decode(ChaincodeActionPayloadSchema, action.payload);
  if (!payload.action) return [];
  const response = decode(
    ProposalResponsePayloadSchema,
    payload.action.proposalResponsePayload,
  );
  const chaincodeAction = decode(ChaincodeActionSchema, response.extension);
  const { txId, chaincodeId, eventName } = decode(ChaincodeEventSchema, chaincodeAction.events);
  if (chaincodeId === "") return [];
  return [
    create(FilteredChaincodeActionSchema, { chaincodeEvent: { txId, chaincodeId, eventName } }),
  ];
}
