/** The command line as a process: its name, its terminal, its signals, its exit code. */
import { closeDebugger } from "./close-debugger.ts";
import { rootCommand } from "./commands.ts";
import { runCommandLine } from "./run.ts";
import type { Terminal } from "./terminal.ts";

/**
 * How the program was called. The self-extracting executable hands its own name down; a compiled
 * one has it in its arguments, for which node's process is loaded: that takes 10 ms.
 */
async function programName(): Promise<string> {
  const called = Deno.env.get("DENIM_PROGRAM") ?? (await import("node:process")).default.argv0;
  return /(^|[/\\])peer(\.exe)?$/.test(called) ? "peer" : "denim";
}

/** Numbers and texts of signals as Go prints them. */
const signalTexts = {
  SIGINT: "2 (interrupt)",
  SIGTERM: "15 (terminated)",
  SIGUSR1: "10 (user defined signal 1)",
} as const;

/** Writes everything, however many system calls it takes. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    for (let offset = 0; offset < bytes.length;) offset += stream.writeSync(bytes.subarray(offset));
  } catch (error) {
    // The reader of a pipe has gone (`denim … | head`): nobody is left to tell.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Runs the process's command line and exits with its code. */
export async function runMain(): Promise<never> {
  const encoder = new TextEncoder();
  const interruption = new AbortController();
  let signals = 0;
  const interrupt = () => {
    // A second signal means now.
    if (++signals > 1) Deno.exit(130);
    interruption.abort();
  };
  const onSignal = (
    name: keyof typeof signalTexts,
    told: ((text: string) => void) | undefined,
    then: () => void,
  ) =>
    Deno.addSignalListener(name, () => {
      told?.(signalTexts[name]);
      then();
    });
  const terminal: Terminal = {
    out: (text) => writeAll(Deno.stdout, encoder.encode(text)),
    outBytes: (bytes) => writeAll(Deno.stdout, bytes),
    err: (text) => writeAll(Deno.stderr, encoder.encode(text)),
    isTerminal: Deno.stderr.isTerminal(),
    columns: () => Deno.consoleSize().columns,
    rows: () => Deno.consoleSize().rows,
    environment: Deno.env.toObject(),
    workingDirectory: Deno.cwd(),
    interrupted: interruption.signal,
    onInterruption(told) {
      onSignal("SIGINT", told, interrupt);
      onSignal("SIGTERM", told, interrupt);
      return interruption.signal;
    },
    onUserSignal(told) {
      if (Deno.build.os !== "windows") onSignal("SIGUSR1", told, () => void closeDebugger());
    },
  };
  const program = await programName();
  const argv = Deno.args.length === 1 && Deno.args[0] === "--version" ? ["version"] : Deno.args;
  Deno.exit(await runCommandLine(rootCommand(program), program, argv, terminal));
}
