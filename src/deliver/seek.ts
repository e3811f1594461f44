/** Which blocks a SeekInfo asks for. Mirrors common/ledger/blockledger/file and common/deliver. */
import { type SeekInfo, SeekInfo_SeekBehavior, type SeekPosition } from "../gen/orderer/ab_pb.ts";

export interface SeekRange {
  /** First block. */
  readonly start: number;
  /** Last block; may lie far above the height, or below the start and so never come. */
  readonly stop: bigint;
  /** Answer NOT_FOUND instead of waiting for a block. */
  readonly failIfNotReady: boolean;
}

export type SeekResult =
  | { readonly range: SeekRange }
  /** BAD_REQUEST: start or stop missing, or stop before start. */
  | { readonly bad: string }
  /** NOT_FOUND: start lies beyond the next block, or is of no known kind. */
  | { readonly missing: string };

/** Resolves the positions against the number of blocks there are now. */
export function resolveSeek(seek: SeekInfo, height: number): SeekResult {
  if (!seek.start || !seek.stop) return { bad: "seekInfo with missing start or stop" };
  const start = startOf(seek.start, height);
  const stop = stopOf(seek.stop, start ?? 0, height);
  // Only a stop given by number is compared: after a start at the next block, "newest" never comes.
  if (seek.stop.Type.case === "specified" && stop < BigInt(start ?? 0)) {
    return { bad: `start number ${start} greater than stop number ${stop}` };
  }
  if (start === undefined) return { missing: "the start position is not on this channel" };
  const failIfNotReady = seek.behavior === SeekInfo_SeekBehavior.FAIL_IF_NOT_READY;
  return { range: { start, stop, failIfNotReady } };
}

function startOf(position: SeekPosition, height: number): number | undefined {
  switch (position.Type.case) {
    case "oldest":
      return 0;
    case "newest":
      return Math.max(0, height - 1);
    case "nextCommit":
      return height; // Fabric 2.4 and later; SDKs of that line begin so
    case "specified": {
      const { number } = position.Type.value;
      return number > BigInt(height) ? undefined : Number(number);
    }
    default:
      return undefined;
  }
}

function stopOf(position: SeekPosition, start: number, height: number): bigint {
  switch (position.Type.case) {
    case "oldest":
      return BigInt(start);
    case "newest":
      return BigInt(Math.max(0, height - 1));
    case "specified":
      return position.Type.value.number;
    default:
      // A stop without a kind is block 0: from a later start the stream never ends.
      return 0n;
  }
}
