/** Blocks of endorser transactions with chosen read-write sets, for tests and measurements. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type Block,
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderSchema,
  HeaderType,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../../src/gen/common/common_pb.ts";
import { ChaincodeActionSchema } from "../../src/gen/peer/proposal_pb.ts";
import { ProposalResponsePayloadSchema } from "../../src/gen/peer/proposal_response_pb.ts";
import {
  ChaincodeActionPayloadSchema,
  ChaincodeEndorsedActionSchema,
  TransactionActionSchema,
  TransactionSchema,
} from "../../src/gen/peer/transaction_pb.ts";
import { newBlock } from "../../src/protocol/block.ts";
import { ConfigEnvelopeSchema, ConfigSchema } from "../../src/gen/common/configtx_pb.ts";

export interface SyntheticTransaction {
  readonly txId: string;
  /** TxReadWriteSet bytes. */
  readonly results: Uint8Array;
  /** Bytes of ballast in place of certificates and signatures. */
  readonly ballast?: number;
  /** ChaincodeEvent bytes. */
  readonly events?: Uint8Array;
}

export function syntheticEnvelope(
  { txId, results, ballast = 0, events }: SyntheticTransaction,
) {
  const action = create(ChaincodeActionPayloadSchema, {
    chaincodeProposalPayload: new Uint8Array(ballast),
    action: create(ChaincodeEndorsedActionSchema, {
      proposalResponsePayload: toBinary(
        ProposalResponsePayloadSchema,
        create(ProposalResponsePayloadSchema, {
          proposalHash: new Uint8Array(32),
          extension: toBinary(
            ChaincodeActionSchema,
            create(ChaincodeActionSchema, { results, events }),
          ),
        }),
      ),
    }),
  });
  const transaction = create(TransactionSchema, {
    actions: [
      create(TransactionActionSchema, { payload: toBinary(ChaincodeActionPayloadSchema, action) }),
    ],
  });
  return envelope(HeaderType.ENDORSER_TRANSACTION, txId, toBinary(TransactionSchema, transaction));
}

function envelope(type: HeaderType, txId: string, data: Uint8Array): Uint8Array {
  const header = create(HeaderSchema, {
    channelHeader: toBinary(
      ChannelHeaderSchema,
      create(ChannelHeaderSchema, {
        type,
        txId,
        channelId: "mychannel",
        timestamp: { seconds: 1_700_000_000n, nanos: 5 },
      }),
    ),
    signatureHeader: toBinary(SignatureHeaderSchema, create(SignatureHeaderSchema)),
  });
  const payload = toBinary(PayloadSchema, create(PayloadSchema, { header, data }));
  return toBinary(EnvelopeSchema, create(EnvelopeSchema, { payload }));
}

/** A block 0 with an empty configuration. */
export function syntheticGenesis(): Block {
  const config = create(ConfigEnvelopeSchema, { config: create(ConfigSchema, { sequence: 1n }) });
  const data = toBinary(ConfigEnvelopeSchema, config);
  return newBlock(0n, new Uint8Array(0), [envelope(HeaderType.CONFIG, "", data)]);
}

/** The block after the one with this header hash. */
export function syntheticBlock(
  number: number,
  previousHash: Uint8Array,
  transactions: readonly SyntheticTransaction[],
): Block {
  return newBlock(BigInt(number), previousHash, transactions.map(syntheticEnvelope));
}
