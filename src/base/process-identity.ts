/** Recognising a process later, when its number may have been given to another. */
import { readFileSync } from "node:fs";
import process from "node:process";

export interface ProcessIdentity {
  readonly pid: number;
  /** Start time as the kernel counts it; "" where the system does not tell. */
  readonly startTime: string;
}

interface ProcessState {
  readonly state: string;
  readonly startTime: string;
}

/** Undefined where there is no such process, or no /proc. */
function stateOf(pid: number): ProcessState | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], startTime: fields[19] };
  } catch {
    return undefined;
  }
}

/** A process as it can be recognised later. */
export function identifyProcess(pid: number): ProcessIdentity {
  return { pid, startTime: stateOf(pid)?.startTime ?? "" };
}

/** Does exactly this process still run? A dead one that nobody has waited for does not. */
export function isProcessAlive({ pid, startTime }: ProcessIdentity): boolean {
  if (startTime === "") {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return error instanceof Error && "code" in error && error.code === "EPERM";
    }
  }
  const now = stateOf(pid);
  return now !== undefined && now.state !== "Z" && now.startTime === startTime;
}
