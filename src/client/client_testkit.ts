/** For tests of the client: a signer, and servers that answer as a test wants, on real connections. */
import { create } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import type { Envelope } from "../gen/common/common_pb.ts";
import { AtomicBroadcast } from "../gen/orderer/ab_pb.ts";
import {
  Deliver,
  type DeliverResponse,
  DeliverResponseSchema,
  FilteredBlockSchema,
} from "../gen/peer/events_pb.ts";
import type { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";
import { OrdererConnection } from "./orderer-connection.ts";
import { PeerConnection } from "./peer-connection.ts";

export const clock: Clock = { now: () => 1_561_000_000_123 };

/** Signs by saying so. */
export const signer: SigningIdentity = {
  mspId: "Org1MSP",
  serialized: utf8("the client"),
  sign: (message) => utf8(`signed ${message.length} bytes`),
};

export interface TestServer<Connection> extends AsyncDisposable {
  readonly connection: Connection;
  readonly address: string;
}

async function serve<Connection extends { close(): void }>(
  register: (server: Awaited<ReturnType<typeof createRpcServer>>) => void,
  connect: (address: string) => Connection,
): Promise<TestServer<Connection>> {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  register(server);
  const connection = connect(server.address);
  return {
    connection,
    address: server.address,
    async [Symbol.asyncDispose]() {
      connection.close();
      await server.close(0);
    },
  };
}

export type FilteredHandler = (
  requests: AsyncIterable<Envelope>,
  context: CallContext,
) => AsyncIterable<DeliverResponse>;

/** A peer whose DeliverFiltered is `handler`. */
export function peerServer(handler: FilteredHandler): Promise<TestServer<PeerConnection>> {
  return serve(
    (server) => server.register(Deliver, { deliverFiltered: handler }),
    (address) => new PeerConnection(address, createRpcClient({ address })),
  );
}

/** An orderer with these handlers. */
export function ordererServer(
  handlers: ServiceHandlers<typeof AtomicBroadcast>,
): Promise<TestServer<OrdererConnection>> {
  return serve(
    (server) => server.register(AtomicBroadcast, handlers),
    (address) => new OrdererConnection(address, createRpcClient({ address })),
  );
}

/** A filtered block with these transactions. */
export function filteredBlock(
  number: bigint,
  ...transactions: [txid: string, txValidationCode: TxValidationCode][]
): DeliverResponse {
  const filteredTransactions = transactions.map(([txid, txValidationCode]) => ({
    txid,
    txValidationCode,
  }));
  const value = create(FilteredBlockSchema, { number, filteredTransactions });
  return create(DeliverResponseSchema, { Type: { case: "filteredBlock", value } });
}
