/** Private writes of one transaction in one collection, as a gossip message, and its acknowledgement. */
import { create, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import {
  type Envelope,
  EnvelopeSchema,
  type GossipMessage,
  GossipMessage_Tag,
  GossipMessageSchema,
  type PrivatePayload,
} from "../gen/gossip/message_pb.ts";

/** An envelope without signature: the connection's handshake says who sends it. */
export function privateDataEnvelope(
  channelId: string,
  payload: PrivatePayload,
  nonce: bigint,
): Envelope {
  return unsigned(create(GossipMessageSchema, {
    nonce,
    channel: utf8(channelId),
    tag: GossipMessage_Tag.CHAN_ONLY,
    content: { case: "privateData", value: { payload } },
  }));
}

/** Tells the sender of `nonce` that its message was taken, or why not. */
export function acknowledgement(nonce: bigint, error = ""): Envelope {
  return unsigned(
    create(GossipMessageSchema, { nonce, content: { case: "ack", value: { error } } }),
  );
}

function unsigned(message: GossipMessage): Envelope {
  return create(EnvelopeSchema, { payload: toBinary(GossipMessageSchema, message) });
}
