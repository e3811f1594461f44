/** Asking for private data and answering: gossip messages around digests. Mirrors gossip/privdata/pull.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import {
  type Envelope,
  EnvelopeSchema,
  GossipMessage_Tag,
  GossipMessageSchema,
  type PvtDataDigest,
  type PvtDataElement,
} from "../gen/gossip/message_pb.ts";

/** Digests of one request; more is asked for in several. */
export const maxDigests = 200;

/** An answer carries at most so much; what does not fit is asked for again. */
export const maxAnswerBytes = 32 * 1024 * 1024;

export function privateDataRequest(
  channelId: string,
  digests: readonly PvtDataDigest[],
  nonce: bigint,
): Envelope {
  return unsigned(channelId, nonce, {
    case: "privateReq",
    value: { $typeName: "gossip.RemotePvtDataRequest", digests: [...digests] },
  });
}

export function privateDataResponse(
  channelId: string,
  elements: readonly PvtDataElement[],
  nonce: bigint,
): Envelope {
  return unsigned(channelId, nonce, {
    case: "privateRes",
    value: { $typeName: "gossip.RemotePvtDataResponse", elements: [...elements] },
  });
}

function unsigned(
  channelId: string,
  nonce: bigint,
  content: NonNullable<Parameters<typeof create<typeof GossipMessageSchema>>[1]>["content"],
): Envelope {
  const message = create(GossipMessageSchema, {
    nonce,
    channel: utf8(channelId),
    tag: GossipMessage_Tag.CHAN_ONLY,
    content,
  });
  return create(EnvelopeSchema, { payload: toBinary(GossipMessageSchema, message) });
}
