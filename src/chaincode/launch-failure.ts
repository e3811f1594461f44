/** Errors of a launch, with what people need to find the cause. */
import { DenimError } from "../base/errors.ts";
import type { ExitStatus, OutputLine } from "../runtime/types.ts";

/** Lines of chaincode output quoted in an error. */
export const maxQuotedLines = 20;
/** Characters of one quoted line. */
export const maxQuotedLineCharacters = 500;

/**
 * The instance ended before it was ready. Fabric 1.4.2 says only `container exited with N`; its
 * text leads, the meaning and the last output follow.
 */
export function exitedBeforeReady(
  instance: string,
  status: ExitStatus,
  output: readonly OutputLine[],
): DenimError {
  return new DenimError(
    "chaincode-exited",
    `chaincode registration failed: ${describeExit(status)}${quoteOutput(output)}`,
    {
      instance,
      exitCode: status.code,
      signal: status.signal,
      output: output.slice(-maxQuotedLines).map((line) => line.text),
    },
    "Look at the chaincode's last output; it has to connect to the peer and keep running.",
  );
}

/** `container exited with 1: it failed; …` */
export function describeExit(status: ExitStatus): string {
  const how = status.code ?? (status.signal === undefined ? "unknown code" : status.signal);
  return `container exited with ${how}: ${status.meaning}`;
}

/** The last lines, indented, or "" when there was no output. */
export function quoteOutput(output: readonly OutputLine[]): string {
  if (output.length === 0) return "";
  const lines = output.slice(-maxQuotedLines)
    .map(({ text }) => `\n  ${text.slice(0, maxQuotedLineCharacters)}`);
  return `; last output:${lines.join("")}`;
}

export function launchTimedOut(instance: string, timeoutMs: number): DenimError {
  return new DenimError(
    "launch-timeout",
    `timeout expired while starting chaincode ${instance} for transaction`,
    { instance, timeoutMs },
    "Raise chaincode.startuptimeout, or look at the chaincode's output for what holds it up.",
  );
}
