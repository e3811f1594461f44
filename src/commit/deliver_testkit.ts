/** Orderers that behave as a test wants, and a deliver client of the recorded channel. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { Deferred, sleep, withDeadline } from "../base/async.ts";
import { systemClock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { verifyBlock } from "../channel/block-verifier.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { type Block, type Envelope, PayloadSchema, type Status } from "../gen/common/common_pb.ts";
import {
  AtomicBroadcast,
  type DeliverResponse,
  DeliverResponseSchema,
  SeekInfoSchema,
} from "../gen/orderer/ab_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import type { RpcServer } from "../rpc/types.ts";
import { goldenBlocks } from "../../tests/support/golden.ts";
import {
  delivered,
  openRecordedChannel,
  type RecordedChannel,
} from "../../tests/support/recorded-channel.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { recordedSigner } from "../../tests/support/transactions.ts";
import type { DeliverClientOptions } from "./deliver-client.ts";

/** Later recorded blocks hold what no honest orderer orders. */
export const blocks = goldenBlocks().slice(0, 9).map(delivered);

export type Answer = (from: number, signal: AbortSignal) => AsyncIterable<DeliverResponse>;

export const blockResponse = (block: Block) =>
  create(DeliverResponseSchema, { Type: { case: "block", value: block } });
export const statusResponse = (status: Status) =>
  create(DeliverResponseSchema, { Type: { case: "status", value: status } });

/** Serves from `from` and then waits for more, as an orderer does. */
export const honest: Answer = async function* (from, signal) {
  for (const block of blocks.slice(from)) yield blockResponse(block);
  await sleep(600_000, signal);
};

export interface FakeOrderer {
  readonly server: RpcServer;
  readonly seeks: Envelope[];
}

export async function startOrderer(answer: Answer): Promise<FakeOrderer> {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  const seeks: Envelope[] = [];
  server.register(AtomicBroadcast, {
    deliver: async function* (requests, context) {
      for await (const seek of requests) {
        seeks.push(seek);
        const payload = fromBinary(PayloadSchema, seek.payload);
        const { start } = fromBinary(SeekInfoSchema, payload.data);
        const from = start?.Type.case === "specified"
          ? Number(start.Type.value.number)
          : start?.Type.case === "newest"
          ? blocks.length - 1
          : 0;
        yield* answer(from, context.signal);
        return;
      }
    },
  });
  return { server, seeks };
}

export interface Run {
  readonly channel: RecordedChannel;
  readonly orderers: readonly FakeOrderer[];
  readonly options: DeliverClientOptions;
  readonly warnings: string[];
  /** Resolves when the ledger has this height. */
  height(wanted: number): Promise<void>;
}

export async function withOrderers(
  answers: readonly Answer[],
  test: (run: Run) => Promise<void>,
): Promise<void> {
  using directory = temporaryDirectory();
  using channel = openRecordedChannel(directory.path, blocks[0]);
  const provider = createEcdsaProvider();
  const signer = recordedSigner("org1", "peer0", provider);
  const orderers = await Promise.all(answers.map(startOrderer));
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message, facts) => warnings.push(`${message}: ${facts?.reason}`),
  };
  const waiters: { wanted: number; reached: Deferred<void> }[] = [];
  const stopListening = channel.ledger.onCommit(({ number }) => {
    for (const { wanted, reached } of waiters) if (number + 1 >= wanted) reached.resolve();
  });
  try {
    await test({
      channel,
      orderers,
      warnings,
      options: {
        channelId: "mychannel",
        addresses: () => orderers.map(({ server }) => server.address),
        connect: (address) => createRpcClient({ address }),
        signer,
        nextBlock: () => channel.ledger.info().height,
        verifyBlock: (block, tip) => {
          const { height, currentBlockHash } = tip ?? channel.ledger.info();
          verifyBlock(block, {
            bundle: channel.bundle(),
            expectedNumber: BigInt(height),
            expectedPreviousHash: currentBlockHash,
          });
        },
        onBlock: (block) => channel.committer.commitBlock(block),
        clock: systemClock,
        logger,
        random: () => 0.999,
        sleep: (_, signal) => sleep(5, signal),
      },
      height: (wanted) => {
        const reached = new Deferred<void>();
        waiters.push({ wanted, reached });
        if (channel.ledger.info().height >= wanted) reached.resolve();
        return withDeadline(reached.promise, 10_000, `height ${wanted}`);
      },
    });
  } finally {
    stopListening();
    await Promise.all(orderers.map(({ server }) => server.close(0)));
    signer.close();
    provider.close?.();
  }
}
