/** A directory of sources as a chaincode: which language, which name. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";

export interface SourceDirectory {
  /** Absolute. */
  readonly path: string;
  readonly type: ChaincodeSpec_Type;
  /** As the sources name themselves, made a name that lscc takes. */
  readonly name: string;
}

/** @throws DenimError `no-chaincode` where the directory holds none */
export function sourceDirectory(given: string, workingDirectory: string): SourceDirectory {
  const path = isAbsolute(given) ? given : join(workingDirectory, given);
  const type = typeOf(path);
  return { path, type, name: nameOf(path, type) };
}

function typeOf(path: string): ChaincodeSpec_Type {
  const has = (file: string) => existsSync(join(path, file));
  if (has("package.json")) return ChaincodeSpec_Type.NODE;
  if (has("go.mod")) return ChaincodeSpec_Type.GOLANG;
  if (["pom.xml", "build.gradle", "build.gradle.kts"].some(has)) return ChaincodeSpec_Type.JAVA;
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  throw new DenimError(
    "no-chaincode",
    isDirectory
      ? `there is no chaincode in ${path}: no package.json, go.mod, pom.xml or build.gradle`
      : `${path} is not a directory`,
    { path },
    "give the directory of the chaincode's sources",
  );
}

function nameOf(path: string, type: ChaincodeSpec_Type): string {
  const own = type === ChaincodeSpec_Type.NODE
    ? packageName(join(path, "package.json"))
    : type === ChaincodeSpec_Type.GOLANG
    ? /^\s*module\s+"?([^\s"]+)"?/m.exec(readFileSync(join(path, "go.mod"), "utf8"))?.[1]
    : undefined;
  const last = (own ?? "").replace(/\/v\d+$/, "").split("/").at(-1);
  const name = chaincodeName(last ?? "") || chaincodeName(basename(path));
  if (name !== "") return name;
  throw new DenimError(
    "no-chaincode-name",
    `${path} gives the chaincode no name`,
    { path },
    "name it with -n",
  );
}

function packageName(file: string): string | undefined {
  try {
    const json: unknown = JSON.parse(readFileSync(file, "utf8"));
    const name: unknown = typeof json === "object" && json !== null && Reflect.get(json, "name");
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined; // Packaging will say what is wrong with it.
  }
}

/** Letters and digits, joined by single `-` or `_`: what lscc accepts. */
function chaincodeName(text: string): string {
  return text.replace(/[^A-Za-z0-9]*([-_])[^A-Za-z0-9]*|[^A-Za-z0-9]+/g, (_, joint) => joint ?? "-")
    .replace(/^[-_]+|[-_]+$/g, "");
}
