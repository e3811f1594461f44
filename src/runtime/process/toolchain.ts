/** The programs on this machine that build and run chaincode. */
import { accessSync, constants, statSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import type { Environment } from "./environment.ts";

export interface Toolchain {
  /** A real `deno`; undefined in a binary made by `deno compile`. */
  readonly deno: string | undefined;
  readonly node: string | undefined;
  readonly npm: string | undefined;
  readonly go: string | undefined;
  readonly java: string | undefined;
  readonly mvn: string | undefined;
  readonly gradle: string | undefined;
}

/** The first executable of this name on PATH. */
export function findProgram(name: string, path: string | undefined): string | undefined {
  for (const directory of (path ?? "").split(delimiter)) {
    if (!directory.startsWith("/")) continue;
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/**
 * Looks for the programs.
 * @param running path of the running executable; it counts as Deno when it is called so
 */
export function findToolchain(environment: Environment, running: string): Toolchain {
  const path = environment.PATH;
  const isDeno = /^deno(\.exe)?$/.test(basename(running));
  const goroot = environment.GOROOT ?? "/usr/local/go";
  const javaHome = environment.JAVA_HOME;
  return {
    deno: isDeno ? running : findProgram("deno", path),
    node: findProgram("node", path),
    npm: findProgram("npm", path),
    go: findProgram("go", path) ?? findProgram("go", join(goroot, "bin")),
    // As Maven and Gradle look for it.
    java: (javaHome ? findProgram("java", join(javaHome, "bin")) : undefined) ??
      findProgram("java", path),
    mvn: findProgram("mvn", path),
    gradle: findProgram("gradle", path),
  };
}
