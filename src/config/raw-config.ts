/** Settings by their key path (`peer.tls.cert.file`). Mirrors viper as core/config uses it. */
import { isAbsolute, join } from "node:path";
import { DenimError } from "../base/errors.ts";
import { type ConfigTree, type ConfigValue, defaultConfig } from "./defaults.ts";
import { parseDuration } from "./duration.ts";

/** Where a setting came from. */
export interface Sourced {
  readonly value: ConfigValue;
  /** For people: `environment variable CORE_PEER_ID`, the file's path, `built-in default`. */
  readonly source: string;
}

/** The source of values that nobody set. */
export const builtInDefault = "built-in default";

/** The prefix of environment variables that override settings. */
const environmentPrefix = "CORE_";

/**
 * Settings from, in this order: explicit overrides, CORE_* environment variables that are not empty,
 * core.yaml, built-in defaults. Immutable.
 */
export class RawConfig {
  /**
   * @param env the process environment
   * @param file core.yaml's content and path, undefined where there is none
   * @param directory base of relative paths: core.yaml's directory, else the working directory
   */
  constructor(
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly file: { readonly path: string; readonly tree: ConfigTree } | undefined,
    readonly directory: string,
    private readonly overrides: ReadonlyMap<string, ConfigValue> = new Map(),
  ) {}

  /** Path of the core.yaml in use. */
  get filePath(): string | undefined {
    return this.file?.path;
  }

  /** The same settings with some replaced (what flags do). Keys compare without case. */
  with(overrides: Readonly<Record<string, ConfigValue>>): RawConfig {
    const merged = new Map(this.overrides);
    for (const [key, value] of Object.entries(overrides)) merged.set(key.toLowerCase(), value);
    return new RawConfig(this.env, this.file, this.directory, merged);
  }

  /** A setting with its source; undefined where it is set nowhere (or null, as in `file:`). */
  find(key: string): Sourced | undefined {
    const override = this.overrides.get(key.toLowerCase());
    if (override !== undefined) return { value: override, source: "command line" };
    const variable = environmentPrefix + key.toUpperCase().replaceAll(".", "_");
    const fromEnv = this.env[variable];
    if (fromEnv) return { value: fromEnv, source: `environment variable ${variable}` };
    const path = key.split(".");
    const fromFile = this.file && descend(this.file.tree, path);
    if (fromFile !== undefined && fromFile !== null) {
      return { value: fromFile, source: this.file?.path ?? "" };
    }
    // A key that core.yaml names without a value is set to nothing: the default must not come back.
    if (fromFile === null) return undefined;
    const builtIn = descend(defaultConfig, path);
    if (builtIn === undefined || builtIn === null) return undefined;
    return { value: builtIn, source: builtInDefault };
  }

  /** The setting as it stands, strings, numbers, lists or sections. */
  get(key: string): ConfigValue | undefined {
    return this.find(key)?.value;
  }

  isSet(key: string): boolean {
    return this.find(key) !== undefined;
  }

  /** A scalar as text; `""` where it is not set. @throws DenimError `invalid-config` */
  string(key: string): string {
    const found = this.find(key);
    if (found === undefined) return "";
    if (typeof found.value === "object") throw this.#invalid(key, found, "one value");
    return String(found.value);
  }

  /** @throws DenimError `invalid-config` */
  boolean(key: string): boolean {
    const found = this.find(key);
    if (found === undefined) return false;
    if (typeof found.value === "boolean") return found.value;
    // The spellings of Go's strconv.ParseBool.
    const spelled = String(found.value);
    if (/^(1|t|T|TRUE|true|True)$/.test(spelled)) return true;
    if (/^(0|f|F|FALSE|false|False)$/.test(spelled)) return false;
    throw this.#invalid(key, found, "true or false");
  }

  /** A whole number; `fallback` where it is not set. @throws DenimError `invalid-config` */
  integer(key: string, fallback = 0): number {
    const found = this.find(key);
    if (found === undefined) return fallback;
    const number = typeof found.value === "number" ? found.value : parseInteger(found.value);
    if (number === undefined || !Number.isSafeInteger(number)) {
      throw this.#invalid(key, found, "a whole number");
    }
    return number;
  }

  /** @throws DenimError `invalid-config` */
  number(key: string, fallback = 0): number {
    const found = this.find(key);
    if (found === undefined) return fallback;
    const number = typeof found.value === "object" ? NaN : Number(found.value);
    if (!Number.isFinite(number)) throw this.#invalid(key, found, "a number");
    return number;
  }

  /** Milliseconds of a Go duration; `fallback` where it is not set. @throws DenimError `invalid-config` */
  durationMs(key: string, fallback = 0): number {
    const found = this.find(key);
    if (found === undefined) return fallback;
    const milliseconds = typeof found.value === "object"
      ? undefined
      : parseDuration(String(found.value));
    if (milliseconds === undefined) {
      throw this.#invalid(key, found, "a duration such as 500ms, 30s, 5m or 1h");
    }
    return milliseconds;
  }

  /** A list; a text is split at white space, as viper does with environment variables. */
  strings(key: string): string[] {
    const value = this.get(key);
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value.map((item) => String(item ?? ""));
    if (typeof value === "object") return [];
    return String(value).split(/\s+/).filter((word) => word !== "");
  }

  /** A section of scalars, names as they are written. */
  stringMap(key: string): Readonly<Record<string, string>> {
    const value = this.get(key);
    if (value === undefined || value === null || typeof value !== "object") return {};
    if (Array.isArray(value)) return {};
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, String(item ?? "")]),
    );
  }

  /**
   * Names below a section that users fill in (`chaincode.runtimes`), in lower case: from overrides,
   * environment variables and core.yaml.
   * @param settings where entries are sections themselves, the settings in them: `["address"]` finds
   *   `mycc` in CORE_CHAINCODE_SERVICES_MYCC_ADDRESS
   */
  names(key: string, settings: readonly string[] = []): string[] {
    const names = new Set<string>();
    const add = (rest: string, separator: string) => {
      if (settings.length === 0) return names.add(rest);
      const ending = settings.map((setting) => separator + setting.toLowerCase())
        .find((candidate) => rest.endsWith(candidate));
      if (ending !== undefined) names.add(rest.slice(0, -ending.length));
    };
    const prefix = `${key.toLowerCase()}.`;
    for (const path of this.overrides.keys()) {
      if (path.startsWith(prefix)) add(path.slice(prefix.length), ".");
    }
    const variable = `${environmentPrefix}${prefix.toUpperCase().replaceAll(".", "_")}`;
    for (const [name, value] of Object.entries(this.env)) {
      if (value && name.startsWith(variable)) add(name.slice(variable.length).toLowerCase(), "_");
    }
    const section = this.file && descend(this.file.tree, key.split("."));
    if (section !== null && typeof section === "object" && !Array.isArray(section)) {
      for (const name of Object.keys(section)) names.add(name.toLowerCase());
    }
    return [...names].filter((name) => name !== "").sort();
  }

  /** A file path, relative ones taken from core.yaml's directory; `""` where it is not set. */
  path(key: string): string {
    return this.resolve(this.string(key));
  }

  /** Like `path` for lists. */
  paths(key: string): string[] {
    return this.strings(key).map((path) => this.resolve(path));
  }

  /** Resolves a path as core/config TranslatePath does; `""` stays empty. */
  resolve(path: string): string {
    return path === "" || isAbsolute(path) ? path : join(this.directory, path);
  }

  /** An error that names the key, its value and where it came from. */
  invalid(key: string, expected: string): DenimError<"invalid-config"> {
    return this.#invalid(key, this.find(key) ?? { value: null, source: "nowhere" }, expected);
  }

  #invalid(key: string, found: Sourced, expected: string): DenimError<"invalid-config"> {
    const value = typeof found.value === "string" ? found.value : JSON.stringify(found.value);
    return new DenimError(
      "invalid-config",
      `invalid configuration: ${key} is "${value}" (${found.source}), but must be ${expected}`,
      { key, value: found.value, source: found.source },
      `correct ${key} in ${found.source}`,
    );
  }
}

function descend(tree: ConfigTree, path: readonly string[]): ConfigValue | undefined {
  let here: ConfigValue | undefined = tree;
  for (const name of path) {
    if (here === null || typeof here !== "object" || Array.isArray(here)) return undefined;
    const wanted = name.toLowerCase();
    const section: ConfigTree = here as ConfigTree;
    const key = Object.keys(section).find((candidate) => candidate.toLowerCase() === wanted);
    if (key === undefined) return undefined;
    here = section[key];
  }
  return here;
}

/** Integers as Go's strconv.ParseInt with base 0 reads them: decimal, 0x…, leading 0 for octal. */
function parseInteger(value: ConfigValue): number | undefined {
  if (typeof value !== "string") return undefined;
  const match = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9]\d*))$/.exec(value.trim());
  if (match === null) return undefined;
  const sign = match[1] === "-" ? -1 : 1;
  if (match[2] !== undefined) return sign * parseInt(match[2], 16);
  if (match[3] !== undefined) return sign * parseInt(match[3], 8);
  return sign * parseInt(match[4], 10);
}
