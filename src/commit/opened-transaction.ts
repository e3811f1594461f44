/** As much of a block's transactions as committing them needs, read once. */
import {
  type Block,
  ChannelHeaderSchema,
  EnvelopeSchema,
  type HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";
import { timestampToMs } from "../protocol/timestamp.ts";

export interface OpenedTransaction {
  readonly type: HeaderType;
  readonly txId: string;
  /** Milliseconds since the epoch, as the creator says; NaN where it says nothing. */
  readonly timestampMs: number;
  /** Payload.data. */
  readonly data: Uint8Array;
}

/** One entry per transaction; undefined where it is not readable. */
export function openTransactions(block: Block): (OpenedTransaction | undefined)[] {
  return (block.data?.data ?? []).map((bytes) => {
    const envelope = tryDecodeAsGo(EnvelopeSchema, bytes);
    const payload = envelope && tryDecodeAsGo(PayloadSchema, envelope.payload);
    if (!payload?.header) return undefined;
    const header = tryDecodeAsGo(ChannelHeaderSchema, payload.header.channelHeader);
    if (!header) return undefined;
    const timestampMs = timestampToMs(header.timestamp);
    return { type: header.type, txId: header.txId, timestampMs, data: payload.data };
  });
}
