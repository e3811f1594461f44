/** Removing builds and dependencies that no installed or running chaincode uses. */
import { lstatSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PrunedItem } from "../types.ts";

/** Dependencies that were just installed may belong to a build that is not finished. */
export const prunableModulesAgeMs = 15 * 60_000;

/**
 * @param directory holds `builds/` and `cache/`
 * @param keep names of builds that are wanted
 */
export function pruneBuilds(
  directory: string,
  keep: ReadonlySet<string>,
  now: number,
): PrunedItem[] {
  const builds = join(directory, "builds");
  const pruned: PrunedItem[] = [];
  const used = new Set<string>();
  for (const name of namesIn(builds)) {
    // With a dot: being made.
    if (name.includes(".") || keep.has(name)) {
      const modules = realPath(join(builds, name, "src", "node_modules"));
      if (modules !== undefined) used.add(basename(dirname(modules)));
      continue;
    }
    pruned.push({ kind: "build", name: name.slice(0, 12), bytes: remove(join(builds, name)) });
  }
  const modules = join(directory, "cache", "modules");
  for (const name of namesIn(modules)) {
    const path = join(modules, name);
    if (used.has(name) || now - lstatSync(path).mtimeMs < prunableModulesAgeMs) continue;
    const bytes = remove(path);
    pruned.push({ kind: "build", name: `dependencies ${name.slice(0, 12)}`, bytes });
  }
  return pruned;
}

function remove(path: string): number {
  const bytes = bytesOf(path);
  rmSync(path, { recursive: true, force: true });
  return bytes;
}

function bytesOf(path: string): number {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return namesIn(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
