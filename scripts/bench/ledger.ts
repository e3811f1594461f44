/**
 * `deno task bench --ledger [--blocks N]`: how fast a peer that catches up validates and commits
 * blocks of 500 transactions, as they come from an orderer: read from bytes, the orderer's signature
 * checked, creators' and endorsers' signatures checked, MVCC, one durable commit a block.
 */
import { setImmediate } from "node:timers";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../../src/base/bytes.ts";
import type { Clock } from "../../src/base/clock.ts";
import { type Logger, silentLogger } from "../../src/base/logger.ts";
import { verifyBlock } from "../../src/channel/block-verifier.ts";
import { createEcdsaProvider } from "../../src/crypto/provider.ts";
import type { EcdsaProvider, SignatureCheck } from "../../src/crypto/types.ts";
import { BlockSchema, EnvelopeSchema } from "../../src/gen/common/common_pb.ts";
import { createLedgerProvider } from "../../src/ledger/ledger-provider.ts";
import { ReadWriteSetBuilder } from "../../src/ledger/rwset/builder.ts";
import { asDelivered } from "../../src/node/ledger-replay.ts";
import { ChannelPipeline } from "../../src/node/channel-pipeline.ts";
import { blockHeaderHash } from "../../src/protocol/block.ts";
import { BlockWriter } from "../../src/orderer/block-writer.ts";
import { goldenBlocks } from "../../tests/support/golden.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import {
  buildTransaction,
  recordedOrderer,
  recordedSigner,
} from "../../tests/support/transactions.ts";

const transactionsPerBlock = 500;
/** Until the code is compiled and caches are filled. */
const warmUpBlocks = 6;
const valueBytes = 100;
/** assetcc (one endorsement) and othercc (two) are instantiated from this block on. */
const height = 5;

export interface LedgerMeasurement {
  readonly endorsements: number;
  readonly transactions: number;
  readonly transactionsPerSecond: number;
  /** Medians of a block, milliseconds; receiving and validation overlap the commit before. */
  readonly receiveMs: number;
  readonly validationMs: number;
  readonly commitMs: number;
  /** Of validation: its signatures alone, in one batch. */
  readonly signaturesMs: number;
  /** CPU seconds of all threads for 1,000 transactions. */
  readonly cpuSecondsPerThousand: number;
  readonly bytesPerTransaction: number;
  readonly residentMegabytes: number;
}

/** Measures blocks whose transactions bear one endorsement, then two. */
export async function measureLedger(blocks = 40): Promise<LedgerMeasurement[]> {
  return [await measureBlocks(1, blocks), await measureBlocks(2, blocks)];
}

async function measureBlocks(endorsements: 1 | 2, blocks: number): Promise<LedgerMeasurement> {
  using directory = temporaryDirectory("denim-bench-");
  const clock: Clock = { now: () => performance.timeOrigin + performance.now() };
  const ecdsa = countingProvider(createEcdsaProvider());
  const ledgers = createLedgerProvider({ directory: directory.path });
  try {
    const [genesis, ...recorded] = goldenBlocks().slice(0, height).map(asDelivered);
    const ledger = ledgers.create("mychannel", genesis);
    const timings: Record<string, number>[] = [];
    const logger: Logger = {
      ...silentLogger,
      debug: (_, facts) => facts?.validationMs !== undefined && timings.push(facts as never),
      named: () => logger,
    };
    const pipeline = new ChannelPipeline(ledger, {
      ecdsa,
      newEligibility: () => () => true,
      clock,
      logger,
    });
    for (const block of recorded) await pipeline.committer.commitBlock(block);
    const make = blockMaker(endorsements, ledger.blockByNumber(height - 1), ecdsa);
    const chain = Array.from({ length: warmUpBlocks + blocks }, make);

    const receive: number[] = [];
    let began = 0;
    let cpuBegan = 0;
    // As the deliver client does: while one block is committed, the next is verified and prepared.
    let committing: Promise<unknown> = Promise.resolve();
    let { height: next, currentBlockHash: previous } = ledger.info();
    for (const [i, bytes] of chain.entries()) {
      if (i === warmUpBlocks) {
        await committing;
        timings.length = 0;
        receive.length = 0;
        ecdsa.batches.length = 0;
        began = performance.now();
        cpuBegan = cpuSeconds();
      }
      const received = performance.now();
      const block = fromBinary(BlockSchema, bytes);
      verifyBlock(block, {
        bundle: pipeline.bundle(),
        expectedNumber: BigInt(next++),
        expectedPreviousHash: previous,
      });
      if (block.header) previous = blockHeaderHash(block.header);
      pipeline.committer.prepare(block);
      receive.push(performance.now() - received);
      await committing;
      committing = pipeline.committer.commitBlock(block).then(({ flags }) => {
        if (flags.some((flag) => flag !== 0)) throw new Error("a transaction is not valid");
      });
      // The stream of an orderer gives way to what else is to be done.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await committing;
    const seconds = (performance.now() - began) / 1000;
    const cpu = cpuSeconds() - cpuBegan;
    const transactions = blocks * transactionsPerBlock;
    return {
      endorsements,
      transactions,
      transactionsPerSecond: transactions / seconds,
      receiveMs: median(receive),
      validationMs: median(timings.map(({ validationMs }) => validationMs)),
      commitMs: median(timings.map(({ commitMs }) => commitMs)),
      signaturesMs: await signaturesAlone(ecdsa),
      cpuSecondsPerThousand: cpu / transactions * 1000,
      bytesPerTransaction: chain[chain.length - 1].length / transactionsPerBlock,
      residentMegabytes: Deno.memoryUsage().rss / 1e6,
    };
  } finally {
    ledgers.close();
    ecdsa.close?.();
  }
}

/** Signed blocks one after the other: each transaction reads and writes a key of its own. */
function blockMaker(
  endorsements: 1 | 2,
  tip: Parameters<typeof asDelivered>[0],
  provider: EcdsaProvider,
): () => Uint8Array {
  const creator = recordedSigner("org1", "User1", provider);
  const endorsers = (["org1", "org2"] as const).slice(0, endorsements)
    .map((org) => recordedSigner(org, "peer0", provider));
  const chaincode = endorsements === 1 ? "assetcc" : "othercc";
  const writer = new BlockWriter(asDelivered(tip), 0, recordedOrderer(provider));
  const definition = { blockNumber: chaincode === "assetcc" ? 3 : 4, txNumber: 0 };
  let made = 0;
  return () => {
    const messages = Array.from({ length: transactionsPerBlock }, () => {
      const key = `key${made++}`;
      const results = new ReadWriteSetBuilder();
      results.addRead("lscc", chaincode, definition);
      results.addRead(chaincode, key, undefined);
      results.addWrite(chaincode, key, new Uint8Array(valueBytes).fill(made));
      const { bytes } = buildTransaction({
        creator,
        endorsers,
        chaincode,
        args: ["put", key, utf8("v".repeat(valueBytes))],
        results: results.build().publicBytes,
      });
      return fromBinary(EnvelopeSchema, bytes);
    });
    const block = writer.make(messages, 0);
    writer.advance(block, 0);
    return toBinary(BlockSchema, create(BlockSchema, block));
  };
}

/** Keeps the batches that validation asks for. */
function countingProvider(provider: EcdsaProvider): EcdsaProvider & {
  readonly batches: (readonly SignatureCheck[])[];
} {
  const batches: (readonly SignatureCheck[])[] = [];
  return {
    name: provider.name,
    batches,
    verify: (check) => provider.verify(check),
    verifyBatch: (checks) => {
      batches.push(checks);
      return provider.verifyBatch(checks);
    },
    signerFromPem: (pem) => provider.signerFromPem(pem),
    close: () => provider.close?.(),
  };
}

async function signaturesAlone(
  ecdsa: ReturnType<typeof countingProvider>,
): Promise<number> {
  const times: number[] = [];
  for (const checks of ecdsa.batches.slice(-10)) {
    const began = performance.now();
    await ecdsa.verifyBatch(checks);
    times.push(performance.now() - began);
  }
  return median(times);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** User and system time of this process, all threads. */
function cpuSeconds(): number {
  const ticksPerSecond = 100;
  const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function printLedger(measurements: readonly LedgerMeasurement[]): void {
  console.log(
    `\nvalidation and commit of blocks of ${transactionsPerBlock}, deno ${Deno.version.deno}, ` +
      `${navigator.hardwareConcurrency} cores`,
  );
  for (const m of measurements) {
    const ms = (value: number) => value.toFixed(1);
    console.log(
      `${m.endorsements} endorsement(s): ${m.transactionsPerSecond.toFixed(0)} tx/s over ` +
        `${m.transactions}; a block: receive ${ms(m.receiveMs)} ms, validate ` +
        `${ms(m.validationMs)} ms (signatures alone ${ms(m.signaturesMs)}), commit ` +
        `${ms(m.commitMs)} ms; ${m.bytesPerTransaction.toFixed(0)} bytes a transaction, ` +
        `${m.cpuSecondsPerThousand.toFixed(2)} CPU s per 1,000, resident ` +
        `${m.residentMegabytes.toFixed(0)} MB`,
    );
  }
}
