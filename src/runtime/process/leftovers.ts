/** Chaincode processes that outlived a killed peer, found by the records they left in their directories. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { killGroup } from "./child.ts";

/** One process: a pid alone is reused by the system, with its start time it is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque, only compared; empty when it could not be read. */
  readonly startTime: string;
}

/** What lies in an instance's directory while it runs. */
export interface ProcessRecord {
  readonly owner: ProcessIdentity;
  /** Undefined between creating the directory and starting the process. */
  readonly chaincode: ProcessIdentity | undefined;
}

const recordName = "process.json";

/** When a process was started, or undefined when there is none of this pid, or a dead one. */
export function startTimeOf(pid: number): string | undefined {
  try {
    if (Deno.build.os === "linux") {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name, in parentheses, may hold spaces; the state is the first field after it.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // A killed process stays in the table, dead, until its parent takes note.
      return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
    }
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** A process as it can be recognised later. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTime: startTimeOf(pid) ?? "" };
}

function isAlive(process: ProcessIdentity): boolean {
  return process.startTime !== "" && startTimeOf(process.pid) === process.startTime;
}

export function writeRecord(directory: string, record: ProcessRecord): void {
  writeFileSync(join(directory, recordName), JSON.stringify(record), { mode: 0o600 });
}

function readRecord(directory: string): ProcessRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(directory, recordName), "utf8"));
    const identity = (from: unknown): ProcessIdentity | undefined => {
      if (typeof from !== "object" || from === null) return undefined;
      const pid: unknown = Reflect.get(from, "pid");
      const startTime: unknown = Reflect.get(from, "startTime");
      return Number.isSafeInteger(pid) && Number(pid) > 1 && typeof startTime === "string"
        ? { pid: Number(pid), startTime }
        : undefined;
    };
    if (typeof value !== "object" || value === null) return undefined;
    const owner = identity(Reflect.get(value, "owner"));
    if (owner === undefined) return undefined;
    return { owner, chaincode: identity(Reflect.get(value, "chaincode")) };
  } catch {
    return undefined;
  }
}

/**
 * Ends processes whose peer has gone and removes their directories. Instances of a living peer stay.
 * @returns the pids that were ended
 */
export function reapLeftovers(instances: string): number[] {
  const ended: number[] = [];
  let names: string[];
  try {
    names = readdirSync(instances);
  } catch {
    return ended;
  }
  for (const name of names) {
    const directory = join(instances, name);
    const record = readRecord(directory);
    if (record !== undefined && isAlive(record.owner)) continue;
    if (record?.chaincode !== undefined && isAlive(record.chaincode)) {
      killGroup(record.chaincode.pid, "SIGKILL");
      ended.push(record.chaincode.pid);
    }
    rmSync(directory, { recursive: true, force: true });
  }
  return ended;
}
