/** As much of a block's transactions as committing them needs, read once. */
import {
  type Block,
  ChannelHeaderSchema,
  EnvelopeSchema,
  type HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";

export interface OpenedTransaction {
  readonly type: HeaderType;
  readonly txId: string;
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
    return header && { type: header.type, txId: header.txId, data: payload.data };
  });
}
