/** Who may operate this peer: administrators of its local MSP, by a signed and fresh envelope. Mirrors core/admin. */
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type Envelope, HeaderType } from "../gen/common/common_pb.ts";
import type { Policy } from "../policy/types.ts";
import { openEnvelope } from "../protocol/envelope.ts";
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
  const { channelHeader, payload } = openEnvelope(request);
  if (channelHeader.type !== HeaderType.PEER_ADMIN_OPERATION) {
    throw new DenimError(
      "bad-request",
      `bad request: invalid type ${HeaderType[channelHeader.type] ?? channelHeader.type}`,
    );
  }
  const operation = decodeData(payload.data);
  if (channelHeader.timestamp === undefined) throw new DenimError("bad-request", "empty timestamp");
  const differenceMs = Math.abs(timestampToMs(channelHeader.timestamp) - clock.now());
  if (!(differenceMs <= maxTimeDifferenceMs)) {
    logger.warn(`Request from ${remoteAddress} unauthorized due to incorrect time`, {
      differenceMs,
    });
    throw new DenimError("access-denied", "access denied");
  }
  try {
    policy.evaluate(envelopeSignedData(request));
  } catch (error) {
    logger.warn(`Request from ${remoteAddress} unauthorized: ${messageOf(error)}`);
    throw new DenimError("access-denied", "access denied");
  }
  return operation;
}
