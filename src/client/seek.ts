/** Requests for blocks, and reading one. Mirrors peer/common/deliverclient.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import { type Block, type Envelope, HeaderType, Status } from "../gen/common/common_pb.ts";
import {
  SeekInfo_SeekBehavior,
  SeekInfo_SeekErrorResponse,
  SeekInfoSchema,
  type SeekPosition,
  SeekPositionSchema,
} from "../gen/orderer/ab_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createSignedEnvelope } from "../protocol/envelope.ts";
import { newNonce } from "../protocol/txid.ts";
import { onlyAnswer } from "../rpc/only-answer.ts";
import type { ClientStream } from "../rpc/types.ts";

/** The last block number there can be: a stream without end. */
export const maxBlockNumber = 0xffff_ffff_ffff_ffffn;

export type BlockChoice = "oldest" | "newest" | bigint;

export interface SeekRequest {
  readonly channelId: string;
  readonly signer: SigningIdentity;
  readonly clock: Clock;
  readonly start: BlockChoice;
  readonly stop: BlockChoice;
  readonly bestEffort?: boolean;
  readonly tlsCertHash?: Uint8Array;
}

function position(choice: BlockChoice): SeekPosition {
  switch (choice) {
    case "oldest":
      return create(SeekPositionSchema, { Type: { case: "oldest", value: {} } });
    case "newest":
      return create(SeekPositionSchema, { Type: { case: "newest", value: {} } });
    default:
      return create(SeekPositionSchema, { Type: { case: "specified", value: { number: choice } } });
  }
}

/** The signed envelope that asks a peer or an orderer for blocks. */
export function seekEnvelope(request: SeekRequest): Envelope {
  const info = create(SeekInfoSchema, {
    start: position(request.start),
    stop: position(request.stop),
    behavior: SeekInfo_SeekBehavior.BLOCK_UNTIL_READY,
    errorResponse: request.bestEffort
      ? SeekInfo_SeekErrorResponse.BEST_EFFORT
      : SeekInfo_SeekErrorResponse.STRICT,
  });
  return createSignedEnvelope({
    type: HeaderType.DELIVER_SEEK_INFO,
    channelId: request.channelId,
    data: toBinary(SeekInfoSchema, info),
    clock: request.clock,
    signer: request.signer,
    nonce: newNonce(),
    tlsCertHash: request.tlsCertHash,
  });
}

/** What a deliver answer holds, the same for peers and orderers. */
interface BlockAnswer {
  readonly Type:
    | { readonly case: "block"; readonly value: Block }
    | { readonly case: "status"; readonly value: Status }
    | { readonly case: string | undefined; readonly value?: unknown };
}

/**
 * Reads one block from a source of them.
 * @throws DenimError `block-refused`, `can't read the block: &{FORBIDDEN}`; RpcError
 */
export async function readBlock(
  stream: ClientStream<Envelope, BlockAnswer>,
  request: Envelope,
): Promise<Block> {
  const answer = await onlyAnswer(stream, request);
  if (answer === undefined) {
    throw new DenimError("block-refused", "error receiving: the stream ended without a block");
  }
  const { Type } = answer;
  if (Type.case === "block") return Type.value as Block;
  if (Type.case === "status") {
    const status = Status[Type.value as Status] ?? String(Type.value);
    throw new DenimError("block-refused", `can't read the block: &{${status}}`, { status });
  }
  throw new DenimError("block-refused", `response error: unknown type ${Type.case}`);
}
