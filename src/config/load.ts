/** Finds and reads core.yaml. Mirrors core/config InitViper and peer/common InitConfig. */
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DenimError, messageOf } from "../base/errors.ts";
import type { ConfigTree, ConfigValue } from "./defaults.ts";
import { peerConfigOf } from "./peer-config.ts";
import { RawConfig } from "./raw-config.ts";
import type { Config, PeerConfig } from "./types.ts";

const fileName = "core.yaml";
/** Where Fabric looks last. */
const officialPath = "/etc/hyperledger/fabric";
/** A core.yaml is some 30 kB. */
const maxConfigFileBytes = 4 * 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The configuration of this process: core.yaml from FABRIC_CFG_PATH, else the working directory,
 * else /etc/hyperledger/fabric; with CORE_* overrides; built-in defaults below. Where
 * FABRIC_CFG_PATH is set it must hold a core.yaml; without it, no core.yaml need exist.
 *
 * @param env process environment
 * @param cwd absolute working directory
 * @throws DenimError `no-config-file`, `invalid-config-file`
 */
export async function loadConfig(env: Environment, cwd: string): Promise<Config> {
  const chosen = env.FABRIC_CFG_PATH;
  if (chosen) {
    const directory = resolve(cwd, chosen);
    if (!(await isDirectory(directory))) {
      throw new DenimError("no-config-file", `FABRIC_CFG_PATH ${chosen} does not exist`, {
        path: chosen,
      }, "set FABRIC_CFG_PATH to the folder of core.yaml, or unset it to use built-in defaults");
    }
    const tree = await readTree(join(directory, fileName));
    if (tree === undefined) {
      throw new DenimError(
        "no-config-file",
        "Could not find config file. Please make sure that FABRIC_CFG_PATH is set to a path " +
          `which contains ${fileName}`,
        { path: chosen },
        "put a core.yaml there, or unset FABRIC_CFG_PATH to use built-in defaults",
      );
    }
    return configOf(env, { path: join(directory, fileName), tree }, directory);
  }
  for (const directory of [cwd, officialPath]) {
    const path = join(directory, fileName);
    const tree = await readTree(path);
    if (tree !== undefined) return configOf(env, { path, tree }, directory);
  }
  return configOf(env, undefined, cwd);
}

/** A configuration from values, without looking for files. @param directory base of relative paths */
export function configOf(
  env: Environment,
  file: { readonly path: string; readonly tree: ConfigTree } | undefined,
  directory: string,
): Config {
  return new LoadedConfig(new RawConfig(env, file, directory), env);
}

class LoadedConfig implements Config {
  #typed: PeerConfig | undefined;

  constructor(readonly raw: RawConfig, private readonly env: Environment) {}

  get filePath(): string | undefined {
    return this.raw.filePath;
  }

  get peerConfig(): PeerConfig {
    return this.#typed ??= peerConfigOf(this.raw, this.env);
  }

  get(path: string): ConfigValue | undefined {
    return this.raw.get(path);
  }

  with(overrides: Readonly<Record<string, ConfigValue>>): Config {
    return new LoadedConfig(this.raw.with(overrides), this.env);
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function readTree(path: string): Promise<ConfigTree | undefined> {
  let content: string;
  try {
    const { size } = await stat(path);
    if (size > maxConfigFileBytes) {
      throw new Error(`the file has ${size} bytes, at most ${maxConfigFileBytes} are read`);
    }
    content = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw unreadable(path, error);
  }
  // Go's yaml is version 1.1 (yes/no are booleans) and lets a later key win.
  const { parse } = await import("yaml");
  try {
    const tree: unknown = parse(withoutComments(content), {
      version: "1.1",
      uniqueKeys: false,
      merge: true,
    });
    if (tree === null || tree === undefined) return {};
    if (typeof tree !== "object" || Array.isArray(tree)) {
      throw new Error("the file is not a mapping of settings");
    }
    return tree as ConfigTree;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * Empties whole-line comments: core.yaml is mostly that, and reading it takes a quarter of the time
 * without. Not where a block scalar might hold such lines as text.
 */
function withoutComments(content: string): string {
  if (/[|>][-+0-9]*[ \t]*(#.*)?$/m.test(content)) return content;
  return content.replace(/^[ \t]*#.*$/gm, "");
}

function unreadable(path: string, cause: unknown): DenimError<"invalid-config-file"> {
  return new DenimError(
    "invalid-config-file",
    `error when reading core config file: ${path}: ${messageOf(cause)}`,
    { path },
    "correct the file, or point FABRIC_CFG_PATH to another one",
    { cause },
  );
}
