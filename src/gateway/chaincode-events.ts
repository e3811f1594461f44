/** Events of one chaincode, block by block. Mirrors internal/pkg/gateway/chaincodeevents.go of Fabric 2.5. */
import { create } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Block } from "../gen/common/common_pb.ts";
import {
  type ChaincodeEventsRequest,
  ChaincodeEventsRequestSchema,
  type ChaincodeEventsResponse,
  ChaincodeEventsResponseSchema,
  type SignedChaincodeEventsRequest,
} from "../gen/gateway/gateway_pb.ts";
import type { SeekPosition } from "../gen/orderer/ab_pb.ts";
import type { ChaincodeEvent } from "../gen/peer/chaincode_event_pb.ts";
import { decode } from "../protocol/decode.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import { blockEvents, type TransactionEvents } from "./block-events.ts";
import { gatewayError } from "./gateway-error.ts";
import type { GatewayDependencies, GatewayLedger } from "./types.ts";

/** Blocks beyond this number cannot be counted; no ledger gets there. */
const maxBlockNumber = BigInt(Number.MAX_SAFE_INTEGER);

export class EventStreams {
  /** Read once for all listeners: ledgers hand the same block to all of them. */
  readonly #events = new WeakMap<Block, TransactionEvents[]>();
  readonly #closing = new AbortController();

  constructor(
    private readonly dependencies: Pick<GatewayDependencies, "acl" | "channel">,
  ) {}

  /** Never ends by itself. @throws RpcError with Fabric's status */
  async *stream(
    signed: SignedChaincodeEventsRequest,
    call: AbortSignal,
  ): AsyncGenerator<ChaincodeEventsResponse> {
    const request = this.#admit(signed);
    const { channelId, chaincodeId } = request;
    const ledger = this.dependencies.channel(channelId)?.ledger;
    if (!ledger) {
      throw gatewayError(GrpcStatus.NOT_FOUND, `channel does not exist: ${channelId}`);
    }
    const start = startBlock(ledger, request);
    const isWanted = eventMatcher(request.afterTransactionId, chaincodeId);
    const stop = new AbortController();
    const stopped = () => stop.abort();
    const causes = [call, this.#closing.signal];
    for (const cause of causes) {
      cause.addEventListener("abort", stopped, { once: true });
      if (cause.aborted) stopped();
    }
    try {
      for await (const block of ledger.blocksFrom(start, stop.signal)) {
        const events = this.#eventsOf(block).flatMap(isWanted);
        if (events.length === 0) continue;
        yield create(ChaincodeEventsResponseSchema, {
          events,
          blockNumber: block.header?.number ?? 0n,
        });
      }
    } catch (error) {
      throw gatewayError(GrpcStatus.ABORTED, messageOf(error));
    } finally {
      for (const cause of causes) cause.removeEventListener("abort", stopped);
    }
    throw call.aborted ? call.reason : new RpcError(GrpcStatus.UNAVAILABLE, "the peer is stopping");
  }

  #admit({ request: bytes, signature }: SignedChaincodeEventsRequest): ChaincodeEventsRequest {
    if (bytes.length === 0) {
      throw gatewayError(GrpcStatus.INVALID_ARGUMENT, "a chaincode events request is required");
    }
    let request: ChaincodeEventsRequest;
    try {
      request = decode(ChaincodeEventsRequestSchema, bytes);
    } catch (error) {
      throw gatewayError(
        GrpcStatus.INVALID_ARGUMENT,
        `invalid chaincode events request: ${messageOf(error)}`,
      );
    }
    try {
      const { channelId, identity } = request;
      const signed = { data: bytes, identity, signature };
      this.dependencies.acl.check("gateway/ChaincodeEvents", channelId, signed);
    } catch (error) {
      throw gatewayError(GrpcStatus.PERMISSION_DENIED, messageOf(error));
    }
    return request;
  }

  #eventsOf(block: Block): TransactionEvents[] {
    let events = this.#events.get(block);
    if (!events) {
      events = blockEvents(block);
      this.#events.set(block, events);
    }
    return events;
  }

  /** Ends all streams. */
  close(): void {
    this.#closing.abort();
  }
}

/** Events of the chaincode, from behind the transaction on where one is named. */
function eventMatcher(
  afterTransactionId: string,
  chaincodeId: string,
): (transaction: TransactionEvents) => ChaincodeEvent[] {
  let passed = afterTransactionId === "";
  return ({ txId, events }) => {
    if (passed) return events.filter((event) => event.chaincodeId === chaincodeId);
    if (txId === afterTransactionId) passed = true;
    return [];
  };
}

/** The block of the transaction to go on from, where the ledger has it; else as asked for. */
function startBlock(
  ledger: GatewayLedger,
  { afterTransactionId, startPosition }: ChaincodeEventsRequest,
): number {
  if (afterTransactionId !== "") {
    try {
      return Number(ledger.blockByTxId(afterTransactionId).header?.number ?? 0n);
    } catch (error) {
      if (!(error instanceof DenimError)) throw error;
      // Not there (yet): the position decides.
    }
  }
  const position: SeekPosition["Type"] = startPosition?.Type ?? { case: undefined };
  switch (position.case) {
    case undefined:
    case "nextCommit":
      return ledger.info().height;
    case "specified": {
      const { number } = position.value;
      return Number(number < maxBlockNumber ? number : maxBlockNumber);
    }
    default: {
      const kind = position.case === "newest" ? "Newest" : "Oldest";
      throw gatewayError(
        GrpcStatus.INVALID_ARGUMENT,
        `invalid start position type: *orderer.SeekPosition_${kind}`,
      );
    }
  }
}
