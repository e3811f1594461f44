/**
 * A memory limit for a process and its children, where the system gives none that any user may set:
 * what they use is looked at, ever more often the nearer the limit is. Linux only.
 */
import { readFileSync, writeFileSync } from "node:fs";

/** How often it is looked at while at least half of the limit is free. */
export const relaxedPollMs = 200;
/** How often when it is not: a program that fills memory as fast as it can goes little beyond. */
export const nearPollMs = 20;
/** Processes looked at; chaincode that starts more has them counted in part only. */
export const maxCountedProcesses = 64;
/** When the machine's memory ends, the kernel is to choose chaincode and not the peer (-1000 to 1000). */
const killedFirst = 500;

/**
 * Watches until the returned function is called.
 * @param onExceeded called once
 */
export function watchMemory(
  pid: number,
  limitBytes: number,
  onExceeded: () => void,
): () => void {
  if (limitBytes <= 0 || Deno.build.os !== "linux") return () => {};
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(killedFirst));
  } catch {
    // It has ended already, or the system does not let us.
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    const used = memoryOf(pid);
    if (used > limitBytes) return onExceeded();
    timer = setTimeout(look, used > limitBytes / 2 ? nearPollMs : relaxedPollMs);
  };
  timer = setTimeout(look, nearPollMs);
  return () => clearTimeout(timer);
}

/** Bytes of memory that a process and its descendants have for themselves; 0 for none. */
export function memoryOf(pid: number): number {
  const pids = [pid];
  let bytes = 0;
  for (let i = 0; i < pids.length && i < maxCountedProcesses; i++) {
    bytes += ownMemoryOf(pids[i]);
    pids.push(...childrenOf(pids[i]));
  }
  return bytes;
}

/** Without the pages of its program file, which it shares. */
function ownMemoryOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kilobytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
    const own = kilobytes("RssAnon") + kilobytes("RssShmem");
    return 1024 * (Number.isNaN(own) ? kilobytes("VmRSS") || 0 : own);
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return list.split(" ").filter((word) => word !== "").map(Number);
  } catch {
    return []; // It has ended, or the kernel does not tell.
  }
}
