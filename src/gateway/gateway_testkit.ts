/** Test support: a gateway among pretended peers and orderers. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import { testContext } from "../deliver/testing.ts";
import { createEndorsementPlanner } from "../discovery/endorsement-planner.ts";
import { pretendedChannel, type PretendedPeer } from "../discovery/testing.ts";
import type { Envelope, Status } from "../gen/common/common_pb.ts";
import type { ChaincodeInterest } from "../gen/discovery/protocol_pb.ts";
import { type ErrorDetail, ErrorDetailSchema } from "../gen/gateway/gateway_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import { BroadcastResponseSchema } from "../gen/orderer/ab_pb.ts";
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import { type ProposalResponse, ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { ResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { ReadWriteSetBuilder } from "../ledger/rwset/builder.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import type { SigningIdentity } from "../msp/types.ts";
import {
  createProposal,
  invocationOf,
  type ProposalInput,
  signProposal,
} from "../protocol/proposal.ts";
import { proposalResponsePayload } from "../protocol/proposal-response.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CallContext, ClientStream, RpcClient } from "../rpc/types.ts";
import { createGateway, type GatewayService } from "./gateway.ts";
import type { GatewayDependencies, GatewayLedger } from "./types.ts";

export const channelId = "mychannel";

/** Signs with its name. */
export const testSigner: SigningIdentity = {
  mspId: "Org1MSP",
  serialized: utf8("client"),
  sign: () => utf8("signature"),
};

type Answer = (
  signed: SignedProposal,
  signal: AbortSignal,
) => ProposalResponse | Promise<ProposalResponse>;

export interface TestPeer extends PretendedPeer {
  readonly height?: number;
  /** Default: an endorsement, the same at all peers. */
  readonly answer?: Answer;
}

/** What an orderer does with a transaction; an error ends the call. */
export type OrdererAnswer = (
  envelope: Envelope,
  signal: AbortSignal,
) => Promise<{ status: Status; info?: string }>;

export interface TestNetwork {
  /** The first is this peer; peers get the addresses peer0:7051, peer1:7051, … */
  readonly peers?: readonly TestPeer[];
  /** Policies of chaincodes. */
  readonly policies?: Readonly<Record<string, string>>;
  readonly collections?: Readonly<Record<string, Uint8Array>>;
  readonly orderers?: Readonly<Record<string, OrdererAnswer>>;
  readonly ledger?: Partial<GatewayLedger>;
  /** For what the test is about; the rest is as pretended. */
  readonly dependencies?: Partial<GatewayDependencies>;
}

export interface TestGateway {
  readonly gateway: GatewayService;
  /** Addresses of peers and orderers, in the order in which they were asked. */
  readonly asked: string[];
  /** Interests that were planned for. */
  readonly interests: ChaincodeInterest[];
  readonly context: CallContext;
  readonly cancel: AbortController;
}

/** One peer of Org1 that has `cc`, under its policy. */
const onePeer: readonly TestPeer[] = [{ mspId: "Org1MSP", chaincodes: ["cc"] }];

export async function withGateway(
  network: TestNetwork,
  run: (test: TestGateway) => Promise<void>,
): Promise<void> {
  const peers = network.peers ?? onePeer;
  const asked: string[] = [];
  const interests: ChaincodeInterest[] = [];
  const sources = pretendedChannel(
    peers,
    network.policies ?? { cc: "OR('Org1MSP.member')" },
    network.collections,
  );
  const members = sources.membership.localPeers().map((member, i) => ({
    ...member,
    ledgerHeight: BigInt(peers[i].height ?? 1),
  }));
  const planner = createEndorsementPlanner(sources);
  const answerOf = (address: string): Answer => {
    asked.push(address);
    const at = members.findIndex(({ endpoint }) => endpoint === address);
    return peers[at].answer ?? ((signed) => endorsement(signed, `peer${at}`));
  };
  const ledger = completeLedger(network.ledger ?? {}, peers[0].height ?? 1);
  const orderers = network.orderers ?? {};
  const gateway = createGateway({
    local: {
      address: "peer0:7051",
      mspId: peers[0].mspId,
      processProposal: async (signed, signal) => await answerOf("peer0:7051")(signed, signal),
    },
    channel: (id) =>
      id !== channelId ? undefined : {
        ledger,
        orderers: () =>
          Object.keys(orderers).map((address) => ({
            address,
            mspId: "OrdererMSP",
            tlsRoots: [],
          })),
        tlsRoots: () => [],
      },
    membership: {
      localPeers: () => members,
      channelPeers: (id) => id === channelId ? members : [],
    },
    planner: {
      plan: (id, interest) => {
        interests.push(interest);
        return planner.plan(id, interest);
      },
    },
    acl: { check: () => {} },
    isSystemChaincode: (name) => name === "qscc",
    connect: (address) =>
      Object.hasOwn(orderers, address)
        ? ordererClient(address, (envelope, signal) => {
          asked.push(address);
          return orderers[address](envelope, signal);
        })
        : peerClient(address, (signed, signal) => answerOf(address)(signed, signal)),
    timeouts: { endorsementMs: 10_000, broadcastMs: 10_000, dialMs: 10_000 },
    maxConcurrentCalls: 0,
    random: () => 0.999, // leaves the order as it is
    logger: silentLogger,
    ...network.dependencies,
  });
  const cancel = new AbortController();
  try {
    await run({ gateway, asked, interests, cancel, context: testContext(cancel.signal) });
  } finally {
    await gateway.close();
  }
}

/** A ledger, or an empty one with some methods of its own. */
function completeLedger(given: Partial<GatewayLedger>, height: number): GatewayLedger {
  const empty = emptyLedger(height);
  if (Object.keys(empty).every((name) => name in given)) return given as GatewayLedger;
  return { ...empty, ...given };
}

function emptyLedger(height: number): GatewayLedger {
  const unknown = () => {
    throw new DenimError("not-found", "there is no such transaction");
  };
  return {
    info: () => ({ height, currentBlockHash: emptyBytes, previousBlockHash: emptyBytes }),
    newQueryExecutor: () =>
      ({
        getStateMetadata: () => undefined,
        getPrivateDataMetadataByHash: () => undefined,
        done: () => {},
      }) as Partial<QueryExecutor> as QueryExecutor,
    blocksFrom: async function* () {},
    blockByTxId: unknown,
    transactionById: unknown,
    hasTransaction: () => false,
    onCommit: () => () => {},
  };
}

function peerClient(address: string, answer: Answer): RpcClient {
  return {
    address,
    idle: true,
    unary:
      (async (_method: unknown, request: SignedProposal, options?: { signal?: AbortSignal }) =>
        await answer(request, options?.signal ?? new AbortController().signal)) as never,
    stream: () => {
      throw new Error("peers are not streamed to here");
    },
    close: () => {},
  };
}

function ordererClient(address: string, answer: OrdererAnswer): RpcClient {
  return {
    address,
    idle: true,
    unary: () => Promise.reject(new Error("orderers have no unary calls")),
    stream:
      ((_method: unknown, options?: { signal?: AbortSignal }): ClientStream<Envelope, unknown> => {
        const sent = Promise.withResolvers<Envelope>();
        return {
          send: (envelope) => Promise.resolve(sent.resolve(envelope)),
          closeSend: () => {},
          cancel: () => {},
          responses: (async function* () {
            const signal = options?.signal ?? new AbortController().signal;
            yield create(BroadcastResponseSchema, await answer(await sent.promise, signal));
          })(),
        };
      }) as never,
    close: () => {},
  };
}

/** A proposal as a client sends it. */
export function proposalOf(
  args: readonly string[] = ["invoke"],
  options: Partial<ProposalInput> = {},
  chaincode = "cc",
): SignedProposal {
  const { proposal } = createProposal({
    channelId,
    invocation: invocationOf(chaincode, args),
    creator: testSigner.serialized,
    nonce: utf8("nonce"),
    clock: { now: () => 0 },
    ...options,
  });
  return signProposal(proposal, testSigner);
}

export interface EndorsementOptions {
  readonly payload?: string;
  /** What was read and written; default: one key of `cc`. */
  readonly record?: (set: ReadWriteSetBuilder) => void;
  readonly interest?: ChaincodeInterest;
}

/** A successful answer; the payload is the same for the same options. */
export function endorsement(
  _signed: SignedProposal,
  endorser: string,
  { payload = "result", record, interest }: EndorsementOptions = {},
): ProposalResponse {
  const set = new ReadWriteSetBuilder();
  if (record) record(set);
  else set.addWrite("cc", "key", utf8("value"));
  const response = create(ResponseSchema, { status: 200, payload: utf8(payload) });
  return create(ProposalResponseSchema, {
    version: 1,
    response,
    payload: proposalResponsePayload({
      proposalHash: utf8("hash"),
      response,
      results: set.build().publicBytes,
      events: emptyBytes,
      chaincodeId: undefined,
    }),
    endorsement: { endorser: utf8(endorser), signature: utf8("signature") },
    interest,
  });
}

/** A chaincode's or, without a payload, a peer's error. */
export function refusal(message: string, status = 500, payload = ""): ProposalResponse {
  return create(ProposalResponseSchema, { response: { status, message }, payload: utf8(payload) });
}

/** An answer that never comes, as from a peer that hangs. */
export const silence = () => new Promise<never>(() => {});

export interface Failure {
  readonly status: string;
  readonly message: string;
  /** `address mspId: message` of each detail. */
  readonly details: readonly string[];
}

/** How a call failed; its details as the trailer has them. */
export async function failureOf(call: unknown): Promise<Failure> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return {
      status: GrpcStatus[error.status],
      message: error.message,
      details: detailsOf(error).map(({ address, mspId, message }) =>
        `${address} ${mspId}: ${message}`
      ),
    };
  }
  throw new Error("the call did not fail");
}

/** The details in an error's trailer. */
export function detailsOf({ trailers }: RpcError): ErrorDetail[] {
  const encoded = trailers["grpc-status-details-bin"];
  if (encoded === undefined) return [];
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  return fromBinary(StatusSchema, bytes).details.map(({ value }) =>
    fromBinary(ErrorDetailSchema, value)
  );
}
