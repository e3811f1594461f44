/** The one executable, built from these sources, in surroundings that have nothing of Deno. */
import { mkdirSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { repository } from "./denim.ts";

/** What the self-extracting file and `up --detach` ask a system for. */
const tools = [
  ...["sh", "id", "mkdir", "mv", "rm", "find", "tail", "tar", "gzip", "sha256sum", "setsid"],
];

/** Packs the sources into `directory`. @returns the path of the file. @throws Error with the output */
export async function buildExecutable(directory: string): Promise<string> {
  const output = join(directory, "denim");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", join(repository, "scripts", "compile.ts")],
      ...["--self-extracting", "--output", output],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (success) return output;
  const decoder = new TextDecoder();
  throw new Error(`compile failed:\n${decoder.decode(stderr)}${decoder.decode(stdout)}`);
}

/** A directory for PATH that holds a few system tools and neither Deno, Node nor Go. */
export function barePath(directory: string): string {
  const path = join(directory, "bin");
  mkdirSync(path);
  for (const tool of tools) {
    const found = (Deno.env.get("PATH") ?? "").split(delimiter)
      .map((place) => join(place, tool)).find(isFile);
    if (found) symlinkSync(found, join(path, tool));
  }
  return path;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
