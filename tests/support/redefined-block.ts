/**
 * A recorded block in which lscc's definitions name other packages than the recorded ones: the same
 * transactions writing the same keys, so that every version stays the recorded version.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ChaincodePackage } from "../../src/chaincode/package/chaincode-package.ts";
import { type Block, BlockDataSchema, BlockSchema } from "../../src/gen/common/common_pb.ts";
import { EnvelopeSchema, PayloadSchema } from "../../src/gen/common/common_pb.ts";
import { KVRWSetSchema } from "../../src/gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { TxReadWriteSetSchema } from "../../src/gen/ledger/rwset/rwset_pb.ts";
import { ChaincodeActionSchema } from "../../src/gen/peer/proposal_pb.ts";
import { ProposalResponsePayloadSchema } from "../../src/gen/peer/proposal_response_pb.ts";
import {
  ChaincodeActionPayloadSchema,
  TransactionActionSchema,
  TransactionSchema,
} from "../../src/gen/peer/transaction_pb.ts";
import { decodeChaincodeData, encodeChaincodeData } from "../../src/protocol/chaincode-data.ts";
import { decodeEnvelope } from "../../src/protocol/envelope.ts";
import { decodeAction, decodeTransaction } from "../../src/protocol/transaction.ts";

/** The block with definitions of these packages where it defines others of their name and version. */
export function redefine(block: Block, packages: readonly ChaincodePackage[]): Block {
  const data = (block.data?.data ?? []).map((entry) => {
    try {
      return redefineEnvelope(entry, packages);
    } catch {
      // Recorded transactions may be damaged; these define nothing.
      return entry;
    }
  });
  return create(BlockSchema, { ...block, data: create(BlockDataSchema, { data }) });
}

function redefineEnvelope(bytes: Uint8Array, packages: readonly ChaincodePackage[]): Uint8Array {
  const { envelope, payload } = decodeEnvelope(bytes);
  const transaction = decodeTransaction(payload.data);
  if (transaction.actions.length !== 1) return bytes;
  const action = decodeAction(transaction.actions[0]);
  if (action.chaincodeAction.chaincodeId?.name !== "lscc") return bytes;
  const results = fromBinary(TxReadWriteSetSchema, action.chaincodeAction.results);
  for (const set of results.nsRwset.filter(({ namespace }) => namespace === "lscc")) {
    const rwset = fromBinary(KVRWSetSchema, set.rwset);
    for (const write of rwset.writes) {
      if (!write.key.includes("~")) write.value = redefinition(write.value, packages);
    }
    set.rwset = toBinary(KVRWSetSchema, rwset);
  }
  const chaincodeAction = create(ChaincodeActionSchema, {
    ...action.chaincodeAction,
    results: toBinary(TxReadWriteSetSchema, results),
  });
  const responsePayload = create(ProposalResponsePayloadSchema, {
    ...action.responsePayload,
    extension: toBinary(ChaincodeActionSchema, chaincodeAction),
  });
  const actionPayload = create(ChaincodeActionPayloadSchema, action.payload);
  if (actionPayload.action === undefined) return bytes;
  actionPayload.action.proposalResponsePayload = toBinary(
    ProposalResponsePayloadSchema,
    responsePayload,
  );
  const changed = create(TransactionSchema, {
    actions: [create(TransactionActionSchema, {
      ...transaction.actions[0],
      payload: toBinary(ChaincodeActionPayloadSchema, actionPayload),
    })],
  });
  const changedPayload = create(PayloadSchema, {
    ...payload,
    data: toBinary(TransactionSchema, changed),
  });
  return toBinary(
    EnvelopeSchema,
    create(EnvelopeSchema, { ...envelope, payload: toBinary(PayloadSchema, changedPayload) }),
  );
}

function redefinition(definition: Uint8Array, packages: readonly ChaincodePackage[]): Uint8Array {
  const recorded = decodeChaincodeData(definition);
  const other = packages.find(({ name, version }) =>
    name === recorded.name && version === recorded.version
  );
  if (other === undefined) return definition;
  return encodeChaincodeData({ ...recorded, id: other.id, data: other.data });
}
