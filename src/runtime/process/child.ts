/** A local process in its own process group, its output read line by line. */
import { withDeadline } from "../../base/async.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import { exitStatus } from "../exit-status.ts";
import { readLines } from "../output.ts";
import type { ExitStatus } from "../types.ts";
import { watchMemory } from "./memory-limit.ts";

/** After SIGTERM a process has so long to end before SIGKILL. */
export const stopGraceMs = 2_000;

/** After the process has ended, its pipes have so long to be read to the end. */
export const drainMs = 1_000;

export interface ChildOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly directory: string;
  /** The whole environment; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** With its children it is killed when it uses more; 0 = no limit. */
  readonly memoryBytes?: number;
  onLine(stream: "stdout" | "stderr", text: string): void;
}

export interface Child {
  readonly pid: number;
  /** Settles when the process has ended and its output is read. */
  readonly exited: Promise<ExitStatus>;
  /** SIGTERM to the group, SIGKILL after the grace; resolves when it has ended. */
  stop(graceMs?: number): Promise<ExitStatus>;
}

/** Starts a process. @throws DenimError `start-failed` */
export function startChild(options: ChildOptions): Child {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(options.command, {
      args: [...options.arguments],
      cwd: options.directory,
      env: { ...options.environment },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (error) {
    throw new DenimError(
      "start-failed",
      `could not start ${options.command}: ${messageOf(error)}`,
      { command: options.command, directory: options.directory },
      undefined,
      { cause: error },
    );
  }
  const drained = Promise.all([
    readLines(child.stdout, (text) => options.onLine("stdout", text)),
    readLines(child.stderr, (text) => options.onLine("stderr", text)),
  ]);

  const { memoryBytes = 0 } = options;
  let outOfMemory = false;
  const unwatch = watchMemory(child.pid, memoryBytes, () => {
    outOfMemory = true;
    killGroup(child.pid, "SIGKILL");
  });
  const ended = (async () => {
    const status = await child.status;
    unwatch();
    // Children of it must not outlive it, and would hold the pipes open.
    killGroup(child.pid, "SIGKILL");
    try {
      await withDeadline(drained, drainMs, "output of an ended process");
    } catch {
      // Something left the group with our pipe in hand; its output is not the chaincode's.
    }
    if (outOfMemory) return exceeded(memoryBytes);
    const signal = status.signal ?? undefined;
    return exitStatus(signal === undefined ? status.code : undefined, signal);
  })();

  return {
    pid: child.pid,
    exited: ended,
    async stop(graceMs = stopGraceMs) {
      killGroup(child.pid, "SIGTERM");
      const timer = setTimeout(() => killGroup(child.pid, "SIGKILL"), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** 137, as a container's end for the same reason. */
function exceeded(memoryBytes: number): ExitStatus {
  const megabytes = Math.round(memoryBytes / (1024 * 1024));
  return {
    code: 137,
    signal: "SIGKILL",
    meaning: `it ran out of memory: it used more than ${megabytes} MiB and was killed; raise ` +
      "chaincode.process.memory or make it need less",
  };
}

/** Signals a process group; a group that has gone is fine. */
export function killGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch {
    // Ended already.
  }
}

export interface RunOptions extends ChildOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs a program to its end.
 * @throws DenimError `aborted`, `deadline-exceeded`, `start-failed`
 */
export async function runChild(options: RunOptions): Promise<ExitStatus> {
  if (options.signal.aborted) throw givenUp(options);
  const child = startChild(options);
  const onAbort = () => void child.stop();
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const status = await withDeadline(child.exited, options.timeoutMs, options.command);
    if (options.signal.aborted) throw givenUp(options);
    return status;
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    await child.stop(0);
  }
}

function givenUp(options: ChildOptions): DenimError {
  return new DenimError("aborted", `${options.command} was given up`, {
    command: options.command,
  });
}
