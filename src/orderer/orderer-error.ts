/** Why the ordering service refuses, and the Broadcast status that goes with it. */
import { DenimError, messageOf } from "../base/errors.ts";
import { Status } from "../gen/common/common_pb.ts";

export type OrdererErrorCode =
  | "bad-message"
  | "channel-does-not-exist"
  | "permission-denied"
  | "maintenance-mode"
  | "not-writable"
  | "bad-orderer-config"
  | "wrong-genesis"
  | "damaged-chain";

export function ordererError(
  code: OrdererErrorCode,
  message: string,
  facts: Record<string, unknown> = {},
  hint?: string,
  options?: ErrorOptions,
): DenimError<OrdererErrorCode> {
  return new DenimError(code, message, facts, hint, options);
}

/** Runs `step`; what it throws comes out with `context: ` before its message, and its own code. */
export function withContext<T>(context: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    const { code = "bad-message", facts = {} } = cause instanceof DenimError ? cause : {};
    throw new DenimError(code, `${context}: ${messageOf(cause)}`, facts, undefined, { cause });
  }
}

/** The Broadcast status of a refusal. Mirrors ClassifyError in orderer/common/broadcast. */
export function statusOf(error: unknown): Status {
  switch (error instanceof DenimError ? error.code : "") {
    case "channel-does-not-exist":
      return Status.NOT_FOUND;
    case "permission-denied":
      return Status.FORBIDDEN;
    case "maintenance-mode":
    case "not-writable":
      return Status.SERVICE_UNAVAILABLE;
    default:
      return Status.BAD_REQUEST;
  }
}
