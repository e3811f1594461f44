/** What the operating system refused, in words. Deno and node:fs tell it differently. Pure. */
import { messageOf } from "./errors.ts";

const words: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "address already in use",
  EEXIST: "a file of that name is in the way",
  EISDIR: "it is a directory",
  ELOOP: "too many symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ENFILE: "too many open files",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on the disk",
  ENOTDIR: "a part of the path is not a directory",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
};

/** The code of an error that the operating system gave, `ENOENT`; undefined for any other error. */
export function systemErrorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  const { code } = thrown;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** The reason alone, for messages that name the file themselves: `permission denied`. */
export function systemErrorReason(thrown: unknown): string {
  const code = systemErrorCode(thrown);
  return (code === undefined ? undefined : words[code]) ?? messageOf(thrown);
}

/** Reason and what was tried: `mkdir /data: permission denied`. */
export function systemErrorText(thrown: unknown): string {
  const code = systemErrorCode(thrown);
  const reason = code === undefined ? undefined : words[code];
  // Both end with the operation and its path: `…: mkdir '/data'`, `…, mkdir '/data'`.
  const tried = /[:,] (\w+) '([^']*)'/.exec(messageOf(thrown));
  if (reason === undefined || !tried) return reason ?? messageOf(thrown);
  return `${tried[1]} ${tried[2]}: ${reason}`;
}
