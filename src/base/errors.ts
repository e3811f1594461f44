/**
 * Errors are data: a code that programs compare, facts that were seen, and a message for people.
 * Every room declares its own codes as a string union and throws `DenimError<Codes, Facts>`;
 * the edges (rpc/, cli/) turn them into gRPC status, proposal response and human text.
 */
export class DenimError<Code extends string = string> extends Error {
  override readonly name: string = "DenimError";

  /**
   * @param code what happened, stable, kebab-case (`chaincode-not-installed`)
   * @param message what happened and what was seen, for people; Fabric's wording where clients see it
   * @param facts what was seen, for programs and logs
   * @param hint what to do next, one sentence; shown by the command line under the message
   */
  constructor(
    readonly code: Code,
    message: string,
    readonly facts: Readonly<Record<string, unknown>> = {},
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
