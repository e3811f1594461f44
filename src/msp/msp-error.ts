/** What can go wrong with identities, and how reasons are wrapped (outer: inner, as Fabric prints them). */
import { DenimError, messageOf } from "../base/errors.ts";

export type MspErrorCode =
  | "unknown-msp"
  | "malformed-identity"
  | "invalid-identity"
  | "principal-not-satisfied"
  | "bad-msp-config"
  | "idemix-not-supported"
  | "bad-msp-directory";

export function mspError(
  code: MspErrorCode,
  message: string,
  facts: Record<string, unknown> = {},
  hint?: string,
): DenimError<MspErrorCode> {
  return new DenimError(code, message, facts, hint);
}

/** Runs `step`; what it throws comes out as `code` with `context: ` before its message. */
export function within<T>(code: MspErrorCode, context: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    const facts = cause instanceof DenimError ? cause.facts : {};
    const message = context === "" ? messageOf(cause) : `${context}: ${messageOf(cause)}`;
    throw new DenimError(code, message, facts, undefined, { cause });
  }
}
