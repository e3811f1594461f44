/** A build that failed, told with its last lines. */
import { DenimError } from "../base/errors.ts";
import type { OutputLog } from "./output.ts";
import type { ChaincodeToRun } from "./types.ts";

/** So many lines of a failed build are in the message; all kept ones are in the facts. */
export const buildErrorLines = 20;

/** @param what the step that failed, with its exit code or reason */
export function buildFailed(
  chaincode: ChaincodeToRun,
  what: string,
  output: OutputLog,
  hint: string,
  cause?: unknown,
): DenimError {
  const tail = output.tail(buildErrorLines);
  return new DenimError(
    "build-failed",
    `could not build chaincode ${chaincode.name}:${chaincode.version}: ${what}` +
      (tail === "" ? "" : `; its last output:\n${tail}`),
    {
      name: chaincode.name,
      version: chaincode.version,
      what,
      output: output.lines().map((line) => line.text),
    },
    hint,
    cause === undefined ? undefined : { cause },
  );
}
