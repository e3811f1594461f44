/** Test support: the gateway on the recorded peer, reached over a real connection with any bytes. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { ProposalProcessor } from "../endorser/endorser.ts";
import { EnvelopeSchema, Status } from "../gen/common/common_pb.ts";
import {
  ChaincodeEventsRequestSchema,
  CommitStatusRequestSchema,
  EndorseRequestSchema,
  EvaluateRequestSchema,
  Gateway,
  SignedChaincodeEventsRequestSchema,
  SignedCommitStatusRequestSchema,
  SubmitRequestSchema,
} from "../gen/gateway/gateway_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createRpcServer } from "../rpc/server.ts";
import { GrpcStatus } from "../rpc/status.ts";
import { grpc, grpcJsClient } from "../rpc/testing-grpc-js.ts";
import {
  goldenChannel,
  goldenClock,
  goldenProposal,
  goldenUser,
  openGoldenPeer,
} from "../../tests/support/golden-peer.ts";
import { TwinChaincodes } from "../../tests/support/twin-chaincodes.ts";
import type { GatewayService } from "./gateway.ts";
import { withGateway } from "./gateway_testkit.ts";

export type Method = "evaluate" | "endorse" | "submit" | "commitStatus" | "chaincodeEvents";

export interface World {
  readonly user: SigningIdentity;
  readonly gateway: GatewayService;
  readonly client: grpc.Client;
  /**
   * Sends bytes as a request; gives the status. Streams are left after their first response; what
   * may wait gets `waitMs`, and that it waits is an answer, too.
   */
  send(method: Method, bytes: Uint8Array, waitMs?: number): Promise<GrpcStatus>;
}

export async function withWorld(run: (world: World) => Promise<void>): Promise<void> {
  using peer = await openGoldenPeer();
  const user = goldenUser("org1", "User1");
  const processor = new ProposalProcessor({
    ...peer,
    chaincode: new TwinChaincodes(peer.systemChaincodes),
    clock: goldenClock,
    logger: silentLogger,
  });
  const defects: string[] = [];
  const logger = {
    ...silentLogger,
    error: (message: string, facts?: Record<string, unknown>) =>
      void defects.push(`${message}: ${facts?.stack ?? facts?.error}`),
  };
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger });
  const client = grpcJsClient(server.address);
  const network = {
    peers: [{ mspId: "Org1MSP", chaincodes: ["assetcc"] }],
    policies: { assetcc: "OR('Org1MSP.member')" },
    ledger: peer.ledger,
    orderers: { orderer: () => Promise.resolve({ status: Status.SUCCESS }) },
    dependencies: {
      acl: peer.acl,
      local: {
        address: "peer0:7051",
        mspId: "Org1MSP",
        processProposal: processor.process.bind(processor),
      },
    },
  };
  try {
    await withGateway(network, async ({ gateway }) => {
      server.register(Gateway, gateway.handlers);
      const send = (method: Method, bytes: Uint8Array, waitMs = 30) =>
        method === "chaincodeEvents"
          ? stream(client, bytes, waitMs)
          : unary(client, method, bytes, method === "commitStatus" ? waitMs : 20_000);
      await run({ user, gateway, client, send });
      // Whatever was sent, nothing of it is left.
      const deadline = Date.now() + 10_000;
      while (gateway.usage().calls > 0 && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.deepEqual(gateway.usage(), { calls: 0, waitingForCommit: 0 });
      assert.deepEqual(defects, []);
    });
  } finally {
    client.close();
    await server.close(0);
    user.close();
  }
}

export const pathOf = (method: Method) => `/gateway.Gateway/${Gateway.method[method].name}`;
const asIs = (bytes: Uint8Array) => Buffer.from(bytes);

function unary(
  client: grpc.Client,
  method: Method,
  bytes: Uint8Array,
  timeoutMs: number,
): Promise<GrpcStatus> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      pathOf(method),
      asIs,
      (answer: Uint8Array) => answer,
      bytes,
      new grpc.Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error) => resolve(error ? error.code as number : GrpcStatus.OK),
    );
  });
}

function stream(client: grpc.Client, bytes: Uint8Array, waitMs: number): Promise<GrpcStatus> {
  return new Promise((resolve) => {
    const call = client.makeServerStreamRequest(
      pathOf("chaincodeEvents"),
      asIs,
      (answer: Uint8Array) => answer,
      bytes,
      new grpc.Metadata(),
      { deadline: Date.now() + waitMs },
    );
    call.on("data", () => {
      resolve(GrpcStatus.OK);
      call.cancel();
    });
    call.on("error", (error: Error & { code?: number }) => resolve(error.code ?? -1));
  });
}

/** A correct request of each kind, as bytes. */
export function requests(user: SigningIdentity): Record<Method, Uint8Array> {
  const { signed: proposedTransaction, txId } = goldenProposal(
    user,
    goldenChannel,
    "assetcc",
    ["get", "p1"],
  );
  const sign = <Desc extends DescMessage>(
    schema: Desc,
    message: Parameters<typeof toBinary<Desc>>[1],
  ) => {
    const request = toBinary(schema, message);
    return { request, signature: user.sign(request) };
  };
  const about = { channelId: goldenChannel, transactionId: txId };
  const who = { channelId: goldenChannel, identity: user.serialized };
  return {
    evaluate: toBinary(
      EvaluateRequestSchema,
      create(EvaluateRequestSchema, {
        ...about,
        proposedTransaction,
        targetOrganizations: ["Org1MSP"],
      }),
    ),
    endorse: toBinary(
      EndorseRequestSchema,
      create(EndorseRequestSchema, { ...about, proposedTransaction }),
    ),
    submit: toBinary(
      SubmitRequestSchema,
      create(SubmitRequestSchema, {
        ...about,
        preparedTransaction: create(EnvelopeSchema, {
          payload: utf8("transaction"),
          signature: utf8("signature"),
        }),
      }),
    ),
    commitStatus: toBinary(
      SignedCommitStatusRequestSchema,
      create(
        SignedCommitStatusRequestSchema,
        sign(
          CommitStatusRequestSchema,
          create(CommitStatusRequestSchema, { ...who, transactionId: txId }),
        ),
      ),
    ),
    chaincodeEvents: toBinary(
      SignedChaincodeEventsRequestSchema,
      create(
        SignedChaincodeEventsRequestSchema,
        sign(
          ChaincodeEventsRequestSchema,
          create(ChaincodeEventsRequestSchema, {
            ...who,
            chaincodeId: "assetcc",
            startPosition: { Type: { case: "specified", value: { number: 0n } } },
          }),
        ),
      ),
    ),
  };
}

export const methods = Object.keys(Gateway.method) as Method[];
