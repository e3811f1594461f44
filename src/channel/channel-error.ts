/** What can be wrong with a channel's configuration; reasons are wrapped `outer: inner`, as Fabric prints them. */
import { DenimError, messageOf } from "../base/errors.ts";

export type ChannelErrorCode =
  | "bad-config"
  | "bad-config-block"
  | "bad-config-update"
  | "bad-channel-id"
  | "bad-block"
  | "access-denied";

export function channelError(
  code: ChannelErrorCode,
  message: string,
  facts: Record<string, unknown> = {},
): DenimError<ChannelErrorCode> {
  return new DenimError(code, message, facts);
}

/** Runs `step`; what it throws comes out as `code` with `context: ` before its message. */
export function within<T>(
  code: ChannelErrorCode,
  context: string,
  step: () => T,
  known: Record<string, unknown> = {},
): T {
  try {
    return step();
  } catch (cause) {
    const facts = { ...known, ...(cause instanceof DenimError ? cause.facts : {}) };
    const message = context === "" ? messageOf(cause) : `${context}: ${messageOf(cause)}`;
    throw new DenimError(code, message, facts, undefined, { cause });
  }
}
