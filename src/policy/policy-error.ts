import { DenimError } from "../base/errors.ts";

export type PolicyErrorCode = "bad-policy" | "bad-policy-expression" | "policy-not-satisfied";

export function policyError(
  code: PolicyErrorCode,
  message: string,
  facts: Record<string, unknown> = {},
  hint?: string,
): DenimError<PolicyErrorCode> {
  return new DenimError(code, message, facts, hint);
}
