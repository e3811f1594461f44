/** Endorser transactions of the recorded network, signed with its keys, as wrong as a test wants them. */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { concat, hex, utf8 } from "../../src/base/bytes.ts";
import type { EcdsaProvider } from "../../src/crypto/types.ts";
import {
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../../src/gen/common/common_pb.ts";
import {
  HashedRWSetSchema,
  KVRWSetSchema,
} from "../../src/gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { TxReadWriteSetSchema } from "../../src/gen/ledger/rwset/rwset_pb.ts";
import { ChaincodeInvocationSpecSchema } from "../../src/gen/peer/chaincode_pb.ts";
import {
  ChaincodeActionSchema,
  ChaincodeHeaderExtensionSchema,
  ChaincodeProposalPayloadSchema,
} from "../../src/gen/peer/proposal_pb.ts";
import { ProposalResponsePayloadSchema } from "../../src/gen/peer/proposal_response_pb.ts";
import {
  ChaincodeActionPayloadSchema,
  TransactionSchema,
} from "../../src/gen/peer/transaction_pb.ts";
import { loadSigningIdentity, type LocalSigningIdentity } from "../../src/msp/signing-identity.ts";

const cryptoConfig = new URL("../testdata/golden/crypto-config/", import.meta.url);

/** A signing identity of the recorded network: `org1` peer0, `org2` peer0, or `User1` of one. */
export function recordedSigner(
  org: "org1" | "org2",
  who: "peer0" | "User1",
  provider: EcdsaProvider,
): LocalSigningIdentity {
  const domain = `${org}.example.com`;
  const folder = who === "peer0" ? `peers/peer0.${domain}` : `users/User1@${domain}`;
  const path = new URL(`peerOrganizations/${domain}/${folder}/msp`, cryptoConfig);
  const mspId = org === "org1" ? "Org1MSP" : "Org2MSP";
  return loadSigningIdentity(fileURLToPath(path), mspId, provider);
}

/** The orderer of the recorded network. */
export function recordedOrderer(provider: EcdsaProvider): LocalSigningIdentity {
  const path = new URL(
    "ordererOrganizations/example.com/orderers/orderer.example.com/msp",
    cryptoConfig,
  );
  return loadSigningIdentity(fileURLToPath(path), "OrdererMSP", provider);
}

export interface NamespaceWrites {
  readonly namespace: string;
  readonly writes?: Readonly<Record<string, string | Uint8Array>>;
  /** Keys whose key-level policy changes. */
  readonly policies?: Readonly<Record<string, Uint8Array>>;
  /** Hashed private writes: collection to names of keys. */
  readonly hashed?: Readonly<Record<string, readonly string[]>>;
}

export interface TransactionSpec {
  readonly creator: LocalSigningIdentity;
  readonly endorsers: readonly LocalSigningIdentity[];
  readonly chaincode?: string;
  readonly version?: string;
  readonly channelId?: string;
  readonly type?: HeaderType;
  readonly args?: readonly (string | Uint8Array)[];
  readonly sets?: readonly NamespaceWrites[];
  /** Makes transaction ids differ (or agree). */
  readonly nonce?: string;
  /** Replaces the serialized parts. */
  readonly results?: Uint8Array;
  readonly extension?: Uint8Array;
  readonly event?: Uint8Array;
  readonly response?: Partial<MessageInitShape<typeof ProposalResponsePayloadSchema>>;
  /** Applied to the envelope's payload before it is signed. */
  readonly actions?: (action: { header: Uint8Array; payload: Uint8Array }) => {
    header: Uint8Array;
    payload: Uint8Array;
  }[];
  readonly dropAction?: boolean;
}

let counter = 0;

function sha256(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash("sha256").update(concat(...parts)).digest());
}

const bytesOf = (value: string | Uint8Array) => typeof value === "string" ? utf8(value) : value;

export function encodeResults(sets: readonly NamespaceWrites[]): Uint8Array {
  const nsRwset = sets.map(({ namespace, writes = {}, policies = {}, hashed = {} }) => ({
    namespace,
    rwset: toBinary(
      KVRWSetSchema,
      create(KVRWSetSchema, {
        writes: Object.entries(writes).map(([key, value]) => ({ key, value: bytesOf(value) })),
        metadataWrites: Object.entries(policies).map(([key, value]) => ({
          key,
          entries: [{ name: "VALIDATION_PARAMETER", value }],
        })),
      }),
    ),
    collectionHashedRwset: Object.entries(hashed).map(([collectionName, keys]) => ({
      collectionName,
      hashedRwset: toBinary(
        HashedRWSetSchema,
        create(HashedRWSetSchema, {
          hashedWrites: keys.map((key) => ({ keyHash: sha256(utf8(key)) })),
        }),
      ),
      pvtRwsetHash: sha256(utf8(collectionName)),
    })),
  }));
  return toBinary(TxReadWriteSetSchema, create(TxReadWriteSetSchema, { nsRwset }));
}

/** Id and envelope bytes. */
export function buildTransaction(spec: TransactionSpec): { txId: string; bytes: Uint8Array } {
  const { creator, endorsers, chaincode = "assetcc", version = "1.0" } = spec;
  const nonce = utf8(spec.nonce ?? `nonce ${++counter}`);
  const txId = hex(sha256(nonce, creator.serialized));
  const channelHeader = toBinary(
    ChannelHeaderSchema,
    create(ChannelHeaderSchema, {
      type: spec.type ?? HeaderType.ENDORSER_TRANSACTION,
      channelId: spec.channelId ?? "mychannel",
      txId,
      extension: spec.extension ?? toBinary(
        ChaincodeHeaderExtensionSchema,
        create(ChaincodeHeaderExtensionSchema, { chaincodeId: { name: chaincode } }),
      ),
    }),
  );
  const signatureHeader = toBinary(
    SignatureHeaderSchema,
    create(SignatureHeaderSchema, { creator: creator.serialized, nonce }),
  );
  const input = create(ChaincodeInvocationSpecSchema, {
    chaincodeSpec: {
      chaincodeId: { name: chaincode },
      input: { args: (spec.args ?? ["invoke"]).map(bytesOf) },
    },
  });
  const chaincodeProposalPayload = toBinary(
    ChaincodeProposalPayloadSchema,
    create(ChaincodeProposalPayloadSchema, {
      input: toBinary(ChaincodeInvocationSpecSchema, input),
    }),
  );
  const action = create(ChaincodeActionSchema, {
    results: spec.results ?? encodeResults(spec.sets ?? []),
    events: spec.event,
    response: { status: 200 },
    chaincodeId: { name: chaincode, version },
  });
  const proposalResponsePayload = toBinary(
    ProposalResponsePayloadSchema,
    create(ProposalResponsePayloadSchema, {
      proposalHash: sha256(channelHeader, signatureHeader, chaincodeProposalPayload),
      extension: toBinary(ChaincodeActionSchema, action),
      ...spec.response,
    }),
  );
  const payload = toBinary(
    ChaincodeActionPayloadSchema,
    create(ChaincodeActionPayloadSchema, {
      chaincodeProposalPayload,
      action: spec.dropAction ? undefined : {
        proposalResponsePayload,
        endorsements: endorsers.map((endorser) => ({
          endorser: endorser.serialized,
          signature: endorser.sign(concat(proposalResponsePayload, endorser.serialized)),
        })),
      },
    }),
  );
  const one = { header: signatureHeader, payload };
  const actions = spec.actions?.(one) ?? [one];
  const data = toBinary(TransactionSchema, create(TransactionSchema, { actions }));
  return { txId, bytes: signedEnvelope(creator, { channelHeader, signatureHeader }, data) };
}

export function signedEnvelope(
  creator: LocalSigningIdentity,
  header: { channelHeader: Uint8Array; signatureHeader: Uint8Array } | undefined,
  data: Uint8Array,
): Uint8Array {
  const payload = toBinary(PayloadSchema, create(PayloadSchema, { header, data }));
  return toBinary(
    EnvelopeSchema,
    create(EnvelopeSchema, { payload, signature: creator.sign(payload) }),
  );
}
