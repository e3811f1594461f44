/**
 * The signed request that starts a stream of blocks. Mirrors core/deliverservice/requester.go.
 */
import { create } from "@bufbuild/protobuf";
import {
  type Envelope,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import { ChannelHeaderSchema, SignatureHeaderSchema } from "../gen/common/common_pb.ts";
import {
  SeekInfo_SeekBehavior,
  SeekInfoSchema,
  type SeekPosition,
  SeekPositionSchema,
} from "../gen/orderer/ab_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

/** Go's math.MaxUint64: a stream that never ends. */
const endless = 0xffff_ffff_ffff_ffffn;

/** Bytes of a nonce, as everywhere in Fabric. */
const nonceBytes = 24;

export interface SeekRequest {
  readonly channelId: string;
  /** First block wanted, 0 asks for the oldest; or the newest alone. */
  readonly nextBlock: number | "newest";
  readonly signer: SigningIdentity;
  /** SHA-256 of the TLS client certificate, where one is shown. */
  readonly tlsCertificateHash: Uint8Array | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * A DELIVER_SEEK_INFO envelope: from `nextBlock` on, waiting for blocks that are not there yet; or for
 * the newest block.
 */
export function createSeekEnvelope(request: SeekRequest): Envelope {
  const { channelId, nextBlock, signer, tlsCertificateHash, now } = request;
  const newest = create(SeekPositionSchema, { Type: { case: "newest", value: {} } });
  const seek = create(SeekInfoSchema, {
    start: nextBlock === "newest"
      ? newest
      : nextBlock > 0
      ? specified(BigInt(nextBlock))
      : create(SeekPositionSchema, { Type: { case: "oldest", value: {} } }),
    stop: nextBlock === "newest" ? newest : specified(endless),
    behavior: SeekInfo_SeekBehavior.BLOCK_UNTIL_READY,
  });
  const channelHeader = create(ChannelHeaderSchema, {
    type: HeaderType.DELIVER_SEEK_INFO,
    timestamp: {
      seconds: BigInt(Math.floor(now / 1000)),
      nanos: Math.floor(now % 1000) * 1_000_000,
    },
    channelId,
    tlsCertHash: tlsCertificateHash ?? new Uint8Array(0),
  });
  const signatureHeader = create(SignatureHeaderSchema, {
    creator: signer.serialized,
    nonce: crypto.getRandomValues(new Uint8Array(nonceBytes)),
  });
  const payload = encodeWire(
    PayloadSchema,
    create(PayloadSchema, {
      header: {
        channelHeader: encodeWire(ChannelHeaderSchema, channelHeader),
        signatureHeader: encodeWire(SignatureHeaderSchema, signatureHeader),
      },
      data: encodeWire(SeekInfoSchema, seek),
    }),
  );
  return create(EnvelopeSchema, { payload, signature: signer.sign(payload) });
}

function specified(number: bigint): SeekPosition {
  return create(SeekPositionSchema, { Type: { case: "specified", value: { number } } });
}
