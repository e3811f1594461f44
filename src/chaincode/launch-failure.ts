/** Errors of a launch, with what people need to find the cause. */
import { DenimError, messageOf } from "../base/errors.ts";
import type { ExitStatus, OutputLine, RunningChaincode } from "../runtime/types.ts";
import { likelyRemedy } from "./remedy.ts";

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
    `chaincode registration failed: ${describeExit(status, output)}${quoteOutput(output)}`,
    {
      instance,
      exitCode: status.code,
      signal: status.signal,
      output: output.slice(-maxQuotedLines).map((line) => line.text),
    },
    // All of the output is looked through: a crash report may have pushed the cause far up.
    likelyRemedy({ message: "", output: output.map(({ text }) => text) }) ??
      "Look at the chaincode's last output; it has to connect to the peer and keep running.",
  );
}

/** What JavaScript engines and the JVM write when they end for this reason, under codes of their own. */
const heapFull =
  /(JavaScript) (?:heap )?out of memory|Terminating due to (java)\.lang\.OutOfMemory/;

/** `container exited with 1: it failed; …` */
export function describeExit(status: ExitStatus, output: readonly OutputLine[]): string {
  const how = status.code ?? (status.signal === undefined ? "unknown code" : status.signal);
  const full = output.map(({ text }) => heapFull.exec(text)).find((match) => match !== null);
  const meaning = status.code !== 0 && full !== undefined
    ? `it ran out of memory: its ${full[1] ?? "Java"} heap was full`
    : status.meaning;
  return `container exited with ${how}: ${meaning}`;
}

/** The same with the last output. */
export function howEnded(
  status: ExitStatus,
  running: Pick<RunningChaincode, "lastOutput">,
): string {
  const output = running.lastOutput();
  return `${describeExit(status, output)}${quoteOutput(output)}`;
}

/** The last lines, indented, or "" when there was no output. */
export function quoteOutput(output: readonly OutputLine[]): string {
  if (output.length === 0) return "";
  const lines = output.slice(-maxQuotedLines)
    .map(({ text }) => `\n  ${text.slice(0, maxQuotedLineCharacters)}`);
  return `; last output:${lines.join("")}`;
}

/** What a launch was doing when its time was up. */
export interface LaunchProgress {
  /** `build`, `register`, …; undefined between two steps. */
  readonly step: string | undefined;
  readonly output: readonly OutputLine[];
}

/** The startup timeout; Fabric's text leads. */
export function launchTimedOut(
  instance: string,
  timeoutMs: number,
  { step, output }: LaunchProgress,
): DenimError {
  const where = step === undefined ? "" : `: step ${step} had not ended after ${timeoutMs} ms`;
  return new DenimError(
    "launch-timeout",
    `timeout expired while starting chaincode ${instance} for transaction${where}${
      quoteOutput(output)
    }`,
    { instance, timeoutMs, step, output: output.slice(-maxQuotedLines).map(({ text }) => text) },
    step === "register"
      ? "It runs but does not register: it must dial the peer and register under its name; its output says what holds it up."
      : "Raise chaincode.startuptimeout, or look at the output for what holds it up.",
  );
}

/**
 * The error as clients get it, who see nothing but its message: with what to do in its last line.
 * The remedy that the output suggests counts more than the general hint of the error.
 */
export function withRemedy(thrown: unknown): DenimError {
  const error = thrown instanceof DenimError
    ? thrown
    : new DenimError("internal", messageOf(thrown), {}, undefined, { cause: thrown });
  const { output, exitCode } = error.facts;
  const hint = likelyRemedy({
    message: error.message,
    output: Array.isArray(output) ? output.map(String) : [],
    exitCode: typeof exitCode === "number" ? exitCode : undefined,
  }) ?? error.hint;
  if (hint === undefined) return error;
  const message = `${error.message}\nHint: ${hint}`;
  return new DenimError(error.code, message, error.facts, hint, { cause: error });
}
