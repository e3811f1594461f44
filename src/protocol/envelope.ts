/** Envelopes: signed messages with a channel header. Mirrors protos/utils/commonutils.go. */
import { create } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import {
  type ChannelHeader,
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  type Header,
  HeaderSchema,
  type HeaderType,
  type Payload,
  PayloadSchema,
  type SignatureHeader,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import type { SigningIdentity } from "./signing-identity.ts";
import { decode } from "./decode.ts";
import { timestampFromMs } from "./timestamp.ts";
import { computeTxId } from "./txid.ts";
import { encodeWire } from "./wire-encoder.ts";

export interface SignedEnvelopeInput {
  readonly type: HeaderType;
  readonly channelId: string;
  /** Serialized message. */
  readonly data: Uint8Array;
  readonly clock: Clock;
  /** Signs; undefined makes an unsigned envelope with an empty signature header. */
  readonly signer: SigningIdentity | undefined;
  readonly nonce?: Uint8Array;
  readonly version?: number;
  readonly epoch?: bigint;
  readonly tlsCertHash?: Uint8Array;
  /** Also sets ChannelHeader.tx_id from nonce and creator (Fabric leaves it empty for seeks and updates). */
  readonly withTxId?: boolean;
}

/** Wraps a message as CreateSignedEnvelope does. */
export function createSignedEnvelope(input: SignedEnvelopeInput): Envelope {
  const creator = input.signer?.serialized;
  const nonce = input.signer === undefined ? undefined : input.nonce;
  const channelHeader = create(ChannelHeaderSchema, {
    type: input.type,
    version: input.version,
    timestamp: timestampFromMs(input.clock.now()),
    channelId: input.channelId,
    epoch: input.epoch,
    tlsCertHash: input.tlsCertHash,
    txId: input.withTxId && creator && nonce ? computeTxId(nonce, creator) : "",
  });
  // Whole seconds, as MakeChannelHeader gives them.
  if (channelHeader.timestamp !== undefined) channelHeader.timestamp.nanos = 0;
  const header = create(HeaderSchema, {
    channelHeader: encodeWire(ChannelHeaderSchema, channelHeader),
    signatureHeader: encodeWire(
      SignatureHeaderSchema,
      create(SignatureHeaderSchema, { creator, nonce }),
    ),
  });
  const payload = encodeWire(PayloadSchema, create(PayloadSchema, { header, data: input.data }));
  return create(EnvelopeSchema, { payload, signature: input.signer?.sign(payload) });
}

/** An envelope with everything inside it opened, beside the bytes it came from. */
export interface DecodedEnvelope {
  /** The Envelope message as it stood in the block; undefined when it was decoded from a message. */
  readonly bytes: Uint8Array | undefined;
  readonly envelope: Envelope;
  readonly payload: Payload;
  readonly header: Header;
  readonly channelHeader: ChannelHeader;
  readonly signatureHeader: SignatureHeader;
}

/**
 * Opens one entry of a block's data.
 *
 * @throws DenimError `malformed-message`, `missing-header`
 */
export function decodeEnvelope(bytes: Uint8Array): DecodedEnvelope {
  return { ...openEnvelope(decode(EnvelopeSchema, bytes)), bytes };
}

/** Opens a received Envelope message. @throws as `decodeEnvelope` */
export function openEnvelope(envelope: Envelope): DecodedEnvelope {
  const payload = decode(PayloadSchema, envelope.payload);
  const header = payload.header;
  if (header === undefined) throw new DenimError("missing-header", "Missing Header");
  return {
    bytes: undefined,
    envelope,
    payload,
    header,
    channelHeader: decode(ChannelHeaderSchema, header.channelHeader),
    signatureHeader: decode(SignatureHeaderSchema, header.signatureHeader),
  };
}

/**
 * The transaction id of a block's entry: from its channel header, else computed from nonce and
 * creator (GetOrComputeTxIDFromEnvelope).
 *
 * @throws DenimError `malformed-message`, `missing-header`
 */
export function transactionIdOf(bytes: Uint8Array): string {
  const { header } = decode(PayloadSchema, decode(EnvelopeSchema, bytes).payload);
  if (header === undefined) {
    throw new DenimError(
      "missing-header",
      "error getting txID from header: payload header is nil",
    );
  }
  const { txId } = decode(ChannelHeaderSchema, header.channelHeader);
  if (txId !== "") return txId;
  const { nonce, creator } = decode(SignatureHeaderSchema, header.signatureHeader);
  return computeTxId(nonce, creator);
}
