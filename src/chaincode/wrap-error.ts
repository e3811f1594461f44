import { DenimError, messageOf } from "../base/errors.ts";

/**
 * `prefix: message`, keeping code, facts, hint and cause of what was thrown: Go's errors.Wrap,
 * which is how Fabric builds the texts that clients see.
 */
export function wrapError(prefix: string, thrown: unknown): DenimError {
  const message = `${prefix}: ${messageOf(thrown)}`;
  return thrown instanceof DenimError
    ? new DenimError(thrown.code, message, thrown.facts, thrown.hint, { cause: thrown })
    : new DenimError("internal", message, {}, undefined, { cause: thrown });
}
