/** npm packages for programs that tests run under Node, installed once per machine. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";

const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/root", ".cache");

/** A cold npm cache on a slow line. */
const installTimeoutMs = 240_000;

export interface NodePackages {
  /** Exact versions. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** Directories that stand in for packages, wherever these are asked for. */
  readonly standIns?: Readonly<Record<string, string>>;
}

/**
 * The `node_modules` directory with these packages, to be given to Node as NODE_PATH. Installed on
 * first use and kept in the user's cache; no package's scripts are run.
 */
export async function nodeModules({ dependencies, standIns = {} }: NodePackages): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([dependencies, standIns]));
  for (const directory of Object.values(standIns)) {
    for (const file of readdirSync(directory).toSorted()) {
      hash.update(readFileSync(join(directory, file)));
    }
  }
  const parent = join(cache, "denim-tests", "node");
  const target = join(parent, hash.digest("hex").slice(0, 16));
  if (existsSync(target)) return join(target, "node_modules");
  mkdirSync(parent, { recursive: true });
  const draft = Deno.makeTempDirSync({ dir: parent, prefix: ".draft-" });
  try {
    const replaced = Object.keys(standIns);
    for (const name of replaced) {
      cpSync(standIns[name], join(draft, "stand-ins", name), { recursive: true });
    }
    const manifest = {
      private: true,
      dependencies: {
        ...dependencies,
        ...Object.fromEntries(replaced.map((name) => [name, `file:stand-ins/${name}`])),
      },
      overrides: Object.fromEntries(replaced.map((name) => [name, `$${name}`])),
    };
    Deno.writeTextFileSync(join(draft, "package.json"), JSON.stringify(manifest));
    const { success, stderr } = await new Deno.Command("npm", {
      args: ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--install-links"],
      cwd: draft,
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(installTimeoutMs),
    }).output();
    if (!success) throw new Error(`npm install failed: ${new TextDecoder().decode(stderr)}`);
    try {
      renameSync(draft, target);
    } catch (error) {
      if (!existsSync(target)) throw error; // else another process was faster
    }
  } finally {
    if (existsSync(draft)) Deno.removeSync(draft, { recursive: true });
  }
  return join(target, "node_modules");
}
