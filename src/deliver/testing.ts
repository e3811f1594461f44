/** A channel in memory and seek requests, for the deliver tests. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Deferred } from "../base/async.ts";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type Block, type Envelope, HeaderType } from "../gen/common/common_pb.ts";
import { SeekInfo_SeekBehavior, type SeekInfo_SeekErrorResponse } from "../gen/orderer/ab_pb.ts";
import { SeekInfoSchema, type SeekPosition, SeekPositionSchema } from "../gen/orderer/ab_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { newBlock } from "../protocol/block.ts";
import { createSignedEnvelope } from "../protocol/envelope.ts";
import type { CallContext } from "../rpc/types.ts";
import type { ChannelBlocks } from "./types.ts";

/** Blocks that a test adds one by one. */
export class MemoryChannel implements ChannelBlocks {
  readonly blocks: Block[] = [];
  configSequence = 0n;
  /** How many read blocks just now. */
  readers = 0;
  readonly failure = new AbortController();
  readonly errored = this.failure.signal;
  #changed = new Deferred<void>();

  constructor(count: number) {
    for (let i = 0; i < count; i++) this.add();
  }

  add(block: Block = newBlock(BigInt(this.blocks.length), emptyBytes, [])): void {
    this.blocks.push(block);
    const changed = this.#changed;
    this.#changed = new Deferred();
    changed.resolve();
  }

  height(): number {
    return this.blocks.length;
  }

  sequence(): bigint {
    return this.configSequence;
  }

  async *blocksFrom(start: number, signal: AbortSignal): AsyncGenerator<Block> {
    this.readers++;
    try {
      for (let number = start;; number++) {
        while (number >= this.blocks.length) {
          if (signal.aborted) return;
          const aborted = new Deferred<void>();
          signal.addEventListener("abort", () => aborted.resolve(), { once: true });
          await Promise.race([this.#changed.promise, aborted.promise]);
        }
        yield this.blocks[number];
      }
    } finally {
      this.readers--;
    }
  }
}

export type Position = "oldest" | "newest" | "unset" | number | bigint;

function position(at: Position): SeekPosition {
  switch (at) {
    case "oldest":
    case "newest":
      return create(SeekPositionSchema, { Type: { case: at, value: {} } });
    case "unset":
      return create(SeekPositionSchema);
    default:
      return create(SeekPositionSchema, {
        Type: { case: "specified", value: { number: BigInt(at) } },
      });
  }
}

export interface SeekOptions {
  readonly start?: Position;
  readonly stop?: Position;
  readonly failIfNotReady?: boolean;
  readonly errorResponse?: SeekInfo_SeekErrorResponse;
  readonly channelId?: string;
  readonly clock: Clock;
  readonly tlsCertHash?: Uint8Array;
  readonly signer?: SigningIdentity;
}

/** An identity that signs with its name. */
export const namedSigner: SigningIdentity = {
  mspId: "Org1MSP",
  serialized: utf8("someone"),
  sign: () => utf8("signature"),
};

export function seekEnvelope(options: SeekOptions): Envelope {
  const seek = create(SeekInfoSchema, {
    start: options.start === undefined ? undefined : position(options.start),
    stop: options.stop === undefined ? undefined : position(options.stop),
    behavior: options.failIfNotReady
      ? SeekInfo_SeekBehavior.FAIL_IF_NOT_READY
      : SeekInfo_SeekBehavior.BLOCK_UNTIL_READY,
    errorResponse: options.errorResponse,
  });
  return createSignedEnvelope({
    type: HeaderType.DELIVER_SEEK_INFO,
    channelId: options.channelId ?? "mychannel",
    data: toBinary(SeekInfoSchema, seek),
    clock: options.clock,
    signer: options.signer ?? namedSigner,
    tlsCertHash: options.tlsCertHash,
  });
}

/** A call context without a connection behind it. */
export function testContext(
  signal: AbortSignal = new AbortController().signal,
  clientCertificate?: Uint8Array,
): CallContext {
  return {
    method: "/test",
    remoteAddress: "127.0.0.1:1",
    clientCertificate,
    signal,
    headers: {},
    deadline: undefined,
  };
}
