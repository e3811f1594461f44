/** What `npm start` of a chaincode runs, so that it can run without npm and as one process. */
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { DenimError, messageOf } from "../../base/errors.ts";

/** The fields of package.json that matter here; anything else in it is ignored. */
export interface PackageJson {
  readonly type: string | undefined;
  readonly start: string | undefined;
  /** It has prestart or poststart scripts, which only npm runs. */
  readonly hasHooks: boolean;
  readonly dependencies: boolean;
  readonly main: string | undefined;
  /** Installing runs scripts of the package itself, which need its sources. */
  readonly installsItself: boolean;
}

/** A start command: a script file and its arguments, or something only a shell with npm can run. */
export type StartCommand =
  | { readonly kind: "script"; readonly file: string; readonly arguments: readonly string[] }
  | { readonly kind: "npm"; readonly why: string };

/** Reads package.json. @throws DenimError `invalid-code-package` */
export function readPackageJson(directory: string): PackageJson {
  const path = join(directory, "package.json");
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const missing = !existsSync(path);
    throw new DenimError(
      "invalid-code-package",
      missing
        ? "no package.json found at the root of the chaincode package"
        : `package.json of the chaincode is not valid JSON: ${messageOf(error)}`,
      {},
      missing
        ? "Package the directory that holds package.json."
        : "Correct package.json, and package the chaincode again.",
      { cause: error },
    );
  }
  const field = (from: unknown, name: string): unknown =>
    typeof from === "object" && from !== null ? Reflect.get(from, name) : undefined;
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  const scripts = field(parsed, "scripts");
  const dependencies = field(parsed, "dependencies");
  return {
    type: text(field(parsed, "type")),
    start: text(field(scripts, "start")),
    hasHooks: field(scripts, "prestart") !== undefined ||
      field(scripts, "poststart") !== undefined,
    main: text(field(parsed, "main")),
    installsItself: ["preinstall", "install", "postinstall", "prepare", "prepublish"]
      .some((name) => field(scripts, name) !== undefined),
    dependencies: typeof dependencies === "object" && dependencies !== null &&
      Object.keys(dependencies).length > 0,
  };
}

/**
 * The start command of an installed package. `node FILE …` and `PROGRAM …` of a dependency are run
 * directly; whatever needs a shell is left to npm.
 */
export function startCommand(directory: string, json: PackageJson): StartCommand {
  const script = json.start ?? defaultScript(directory, json);
  if (script === "") {
    throw new DenimError(
      "invalid-code-package",
      'package.json of the chaincode has no "start" script',
      {},
      'Add "scripts": { "start": "node chaincode.js" } or "fabric-chaincode-node start".',
    );
  }
  if (json.hasHooks) return { kind: "npm", why: "it has prestart or poststart scripts" };
  if (!/^[\w@./:,+ \t-]+$/.test(script)) {
    return { kind: "npm", why: "its start script is for a shell" };
  }
  const [program, ...rest] = script.trim().split(/\s+/);
  if (program === "node") {
    const [file, ...args] = rest;
    if (file === undefined || file.startsWith("-")) {
      return { kind: "npm", why: "its start script gives options to node" };
    }
    return { kind: "script", file: join(directory, file), arguments: args };
  }
  if (["deno", "ts-node", "tsx"].includes(program)) {
    // Permissions in a script of the package's own are not what decides here.
    const words = program === "deno" && rest[0] === "run" ? rest.slice(1) : rest;
    const at = words.findIndex((word) => !word.startsWith("-"));
    if (at >= 0 && isTypeScript(words[at])) {
      const file = join(directory, words[at]);
      return { kind: "script", file, arguments: words.slice(at + 1) };
    }
  }
  const file = programOf(directory, program);
  if (file === undefined) return { kind: "npm", why: `its start script runs ${program}` };
  const isScript = /\.[cm]?js$/.test(file) ||
    /^#!.*\bnode\b/.test(readFileSync(file, "latin1").slice(0, 80));
  return isScript
    ? { kind: "script", file, arguments: rest }
    : { kind: "npm", why: `its start script runs ${program}` };
}

/** TypeScript, which Deno runs as it is. */
export function isTypeScript(file: string): boolean {
  return /\.[cm]?ts$/.test(file);
}

/** npm's own default, and the main file of a package that was written for Deno. */
function defaultScript(directory: string, { main }: PackageJson): string {
  if (existsSync(join(directory, "server.js"))) return "node server.js";
  return main !== undefined && isTypeScript(main) ? `deno ${main}` : "";
}

/** The file of a dependency's program: linked by an installer, or named by the dependency itself. */
function programOf(directory: string, program: string): string | undefined {
  if (!/^[\w.-]+$/.test(program)) return undefined;
  const modules = join(directory, "node_modules");
  const link = join(modules, ".bin", program);
  if (existsSync(link)) return realpathSync(link);
  // A package that brings its dependencies cannot bring links.
  for (const name of existsSync(modules) ? readdirSync(modules) : []) {
    const names = name.startsWith("@")
      ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`)
      : [name];
    for (const dependency of names) {
      try {
        const json: unknown = JSON.parse(
          readFileSync(join(modules, dependency, "package.json"), "utf8"),
        );
        const bin: unknown = typeof json === "object" && json !== null && Reflect.get(json, "bin");
        const file: unknown = typeof bin === "string" && dependency.split("/").at(-1) === program
          ? bin
          : typeof bin === "object" && bin !== null && Reflect.get(bin, program);
        if (typeof file === "string") return join(modules, dependency, file);
      } catch {
        // No package, or a damaged one: not the one we look for.
      }
    }
  }
  return undefined;
}
