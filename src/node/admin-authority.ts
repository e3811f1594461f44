/** Who may operate this peer: administrators of its local MSP, by a signed and fresh envelope. Mirrors core/admin. */
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import {
  ChannelHeaderSchema,
  type Envelope,
  HeaderType,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import type { Policy } from "../policy/types.ts";
import { decode } from "../protocol/decode.ts";
import { envelopeSignedData } from "../protocol/signed-data.ts";
import { timestampToMs } from "../protocol/timestamp.ts";
import type { CallContext } from "../rpc/types.ts";

/** How far a request's time may be from ours. */
export const maxTimeDifferenceMs = 15 * 60_000;

export interface AdminAuthority {
  /** Administrators of the local MSP. */
  readonly policy: Policy;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The data of an administrator's envelope. The caller decodes it with `decodeData` before the
 * signature is looked at, as Fabric does: what is malformed is a bad request from anyone.
 * @throws DenimError `bad-request`, `access-denied`
 */
export function authorizedOperation<T>(
  { policy, clock, logger }: AdminAuthority,
  request: Envelope,
  { remoteAddress }: Pick<CallContext, "remoteAddress">,
  decodeData: (data: Uint8Array) => T,
): T {
  const { channelHeader, signatureHeader, operation } = opened(request, decodeData);
  if (channelHeader.timestamp === undefined) throw new DenimError("bad-request", "empty timestamp");
  const differenceMs = Math.abs(timestampToMs(channelHeader.timestamp) - clock.now());
  if (!(differenceMs <= maxTimeDifferenceMs)) {
    logger.warn(`Request from ${remoteAddress} unauthorized due to incorrect time`, {
      differenceMs,
    });
    throw new DenimError("access-denied", "access denied");
  }
  try {
    decode(SignatureHeaderSchema, signatureHeader);
  } catch (error) {
    const reason = messageOf(error).replace(/^.*?: /, "GetSignatureHeaderFromBytes failed, err ");
    throw new DenimError("bad-request", `bad request, cannot extract signed data: ${reason}`);
  }
  try {
    policy.evaluate(envelopeSignedData(request));
  } catch (error) {
    logger.warn(`Request from ${remoteAddress} unauthorized: ${messageOf(error)}`);
    throw new DenimError("access-denied", "access denied");
  }
  return operation;
}

/** Mirrors UnmarshalEnvelopeOfType of protos/utils. */
function opened<T>(request: Envelope, decodeData: (data: Uint8Array) => T) {
  const bad = (reason: string) => new DenimError("bad-request", `bad request: ${reason}`);
  try {
    const { header, data } = decode(PayloadSchema, request.payload);
    if (header === undefined) throw bad("envelope must have a Header");
    const channelHeader = decode(ChannelHeaderSchema, header.channelHeader);
    const { type } = channelHeader;
    if (type !== HeaderType.PEER_ADMIN_OPERATION) {
      throw bad(`invalid type ${HeaderType[type] ?? type}, expected PEER_ADMIN_OPERATION`);
    }
    return { channelHeader, signatureHeader: header.signatureHeader, operation: decodeData(data) };
  } catch (error) {
    if (error instanceof DenimError && error.code === "bad-request") throw error;
    throw bad(messageOf(error));
  }
}
