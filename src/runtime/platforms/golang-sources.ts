/** Which files a GOPATH chaincode consists of. Mirrors core/chaincode/platforms/golang (findSource, GetDeploymentPayload). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { compareUtf8, text } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { PackageFile } from "./code-package.ts";
import { exists, extensionOf, isDirectory, readSource, walkFiles } from "./files.ts";
import { importsOf, isBuilt } from "./go-imports.ts";
import { validateMetadataFile } from "./metadata.ts";
import type { SourceEnvironment } from "./types.ts";

const includedTypes = new Set([".c", ".h", ".s", ".go", ".yaml", ".json"]);

/** Packages that the builder image brings; only direct imports of them are left out, as in Fabric. */
const provided = new Set([
  "github.com/hyperledger/fabric/core/chaincode/shim",
  "github.com/hyperledger/fabric/protos/peer",
]);

/** Directories of a GOPATH variable. */
export function gopathList(gopath: string): string[] {
  return gopath.split(":").filter((directory) => directory !== "");
}

/**
 * Files of the package `importPath` and of everything it imports outside Go's own library, in the
 * order and under the names Fabric gives them: own files, dependencies under the package's vendor
 * directory, META-INF at the root.
 * @throws DenimError `packaging-failed`
 */
export function collectGopathSources(
  importPath: string,
  environment: SourceEnvironment,
): PackageFile[] {
  const gopaths = gopathList(environment.gopath);
  const files = new Map<string, { path: string; metadata: boolean }>();
  for (const [name, file] of filesOf(gopaths[0], importPath)) files.set(name, file);
  for (const dependency of dependenciesOf(importPath, gopaths, environment)) {
    for (const gopath of gopaths) {
      if (!exists(join(gopath, "src", dependency))) continue;
      for (const [name, file] of filesOf(gopath, dependency)) files.set(name, file);
    }
  }

  const vendored = [...files].map(([name, file]) => ({
    ...file,
    name: vendoredName(name, importPath),
  }));
  vendored.sort((a, b) => compareUtf8(a.name, b.name));

  const collected: PackageFile[] = [];
  for (const { name, path, metadata } of vendored) {
    const content = readSource(path);
    if (!metadata) {
      collected.push({ name, content });
      continue;
    }
    const inPackage = name.replace(`src/${importPath}/`, "");
    if (inPackage.slice(inPackage.lastIndexOf("/") + 1).startsWith(".")) {
      environment.warn(`Ignoring hidden file in metadata directory: ${inPackage}`);
      continue;
    }
    validateMetadataFile(inPackage, content);
    collected.push({ name: inPackage, content });
  }
  return collected;
}

/** Source files directly in a package's directory, and its META-INF; keys are `src/…` names. */
function filesOf(
  gopath: string,
  importPath: string,
): Map<string, { path: string; metadata: boolean }> {
  const root = join(gopath, "src", importPath);
  const found = new Map<string, { path: string; metadata: boolean }>();
  // Fabric compares by prefix, so META-INF.old counts as metadata too (and is then refused).
  for (const file of walkFiles(root, (directory) => directory.startsWith("META-INF"))) {
    if (!includedTypes.has(extensionOf(file))) continue;
    found.set(`src/${importPath}/${file}`, {
      path: join(root, file),
      metadata: file.startsWith("META-INF"),
    });
  }
  return found;
}

/**
 * A dependency's file moves under the chaincode's vendor directory, unless it lies in the chaincode
 * itself or in a vendor directory of one of its parents. Fabric compares by string prefix, so that
 * `src/assetcc2` counts as part of `assetcc`; package ids depend on it.
 */
function vendoredName(name: string, importPath: string): string {
  let parent = "src";
  const kept = importPath.split("/").map((element) => {
    parent = `${parent}/${element}`;
    return `${parent}/vendor`;
  });
  kept.push(`src/${importPath}`);
  if (kept.some((prefix) => name.startsWith(prefix))) return name;
  return name.replace("src", `src/${importPath}/vendor`);
}

/** All packages outside Go's library that the chaincode needs, directly or through others. */
function dependenciesOf(
  importPath: string,
  gopaths: readonly string[],
  environment: SourceEnvironment,
): Set<string> {
  const resolve = (imported: string, from: string) =>
    resolveImport(imported, from, gopaths, environment);
  const direct = packageImports(importPath, gopaths)
    .map((imported) => resolve(imported, importPath))
    .filter((found): found is string => found !== undefined && !provided.has(found));
  const dependencies = new Set<string>();
  const open = [...direct];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (dependencies.has(next)) continue;
    dependencies.add(next);
    for (const imported of packageImports(next, gopaths)) {
      const found = resolve(imported, next);
      if (found !== undefined) open.push(found);
    }
  }
  return dependencies;
}

/** The directory (under src) an import means: vendor directories from the importer upwards, then GOPATH. */
function resolveImport(
  imported: string,
  from: string,
  gopaths: readonly string[],
  environment: SourceEnvironment,
): string | undefined {
  if (imported === "C" || imported === "unsafe") return undefined;
  const { goroot } = environment;
  const inLibrary = goroot !== undefined && isDirectory(join(goroot, "src", imported));
  for (let parent = from; parent !== ""; parent = parent.slice(0, parent.lastIndexOf("/") + 1)) {
    parent = parent.replace(/\/$/, "");
    const candidate = `${parent}/vendor/${imported}`;
    if (hasGoFiles(candidate, gopaths)) return candidate;
  }
  if (inLibrary) return undefined;
  // Missing packages are left to the build, which may have them; Fabric's go list would refuse.
  return hasGoFiles(imported, gopaths) || provided.has(imported) ? imported : undefined;
}

function hasGoFiles(importPath: string, gopaths: readonly string[]): boolean {
  return gopaths.some((gopath) => {
    const directory = join(gopath, "src", importPath);
    return isDirectory(directory) && readdirSync(directory).some((name) => name.endsWith(".go"));
  });
}

function packageImports(importPath: string, gopaths: readonly string[]): string[] {
  for (const gopath of gopaths) {
    const directory = join(gopath, "src", importPath);
    if (!isDirectory(directory)) continue;
    try {
      return readdirSync(directory)
        .filter((name) => name.endsWith(".go"))
        .flatMap((name) => {
          const source = text(readSource(join(directory, name)));
          return isBuilt(name, source) ? importsOf(source) : [];
        });
    } catch (error) {
      throw new DenimError(
        "packaging-failed",
        `Error obtaining imports: ${messageOf(error)}`,
        { importPath },
        undefined,
        { cause: error },
      );
    }
  }
  return [];
}
