/** What the end of a process or container means, in words. */
import type { ExitStatus } from "./types.ts";

const meanings: Readonly<Record<number, string>> = {
  0: "it ended by itself; a chaincode must keep running until it is stopped",
  1: "it failed; its last output says why",
  2: "it failed (a Go panic, or wrong arguments); its last output says why",
  125: "the container could not be run by the engine",
  126: "its start command could not be executed (no execute permission, or wrong architecture)",
  127: "its start command was not found; check the start script and the runtime image",
  132: "illegal instruction: built for another processor",
  133: "it aborted itself (SIGTRAP)",
  134: "it aborted itself (SIGABRT)",
  137:
    "it was killed (SIGKILL), usually because it ran out of memory; see vm.docker.hostConfig.Memory",
  139: "it crashed (SIGSEGV)",
  143: "it was asked to stop (SIGTERM)",
};

const signalNumbers: Readonly<Record<string, number>> = {
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/**
 * @param code exit code as the shell counts it; undefined when killed by a signal or not known
 * @param signal name of the signal that ended it
 * @param outOfMemory the engine said that the memory limit was hit
 */
export function exitStatus(
  code: number | undefined,
  signal: string | undefined,
  outOfMemory = false,
): ExitStatus {
  if (outOfMemory) {
    return {
      code,
      signal,
      meaning:
        "it ran out of memory and was killed; raise vm.docker.hostConfig.Memory or make it need less",
    };
  }
  const asCode = signal !== undefined ? 128 + (signalNumbers[signal] ?? 0) : code;
  const known = asCode === undefined ? undefined : meanings[asCode];
  const meaning = known ??
    (signal !== undefined
      ? `it was ended by signal ${signal}`
      : code === undefined
      ? "how it ended is not known"
      : `it ended with exit code ${code}; its last output says why`);
  return { code, signal, meaning };
}
