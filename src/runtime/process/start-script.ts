/** What `npm start` of a chaincode runs, so that it can run without npm and as one process. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { DenimError, messageOf } from "../../base/errors.ts";

/** The fields of package.json that matter here; anything else in it is ignored. */
export interface PackageJson {
  readonly type: string | undefined;
  readonly start: string | undefined;
  /** It has prestart or poststart scripts, which only npm runs. */
  readonly hasHooks: boolean;
  readonly dependencies: boolean;
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
    dependencies: typeof dependencies === "object" && dependencies !== null &&
      Object.keys(dependencies).length > 0,
  };
}

/**
 * The start command of an installed package. `node FILE …` and `PROGRAM …` of a dependency are run
 * directly; whatever needs a shell is left to npm.
 */
export function startCommand(directory: string, json: PackageJson): StartCommand {
  const script = json.start ?? (existsSync(join(directory, "server.js")) ? "node server.js" : "");
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
  const link = join(directory, "node_modules", ".bin", program);
  if (!/^[\w.-]+$/.test(program) || !existsSync(link)) {
    return { kind: "npm", why: `its start script runs ${program}` };
  }
  const file = realpathSync(link);
  const isScript = /\.[cm]?js$/.test(file) ||
    /^#!.*\bnode\b/.test(readFileSync(file, "latin1").slice(0, 80));
  return isScript
    ? { kind: "script", file, arguments: rest }
    : { kind: "npm", why: `its start script runs ${program}` };
}
