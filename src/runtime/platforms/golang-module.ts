/**
 * Go modules as chaincode: an extension, Fabric 1.4.2 knows only GOPATH. A directory with a go.mod is
 * packaged under its module path, so that a package which brings its vendor directory also builds on
 * a 1.4.2 peer (in GOPATH mode Go ignores go.mod and finds the vendored packages).
 */
import { join } from "node:path";
import { text } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import type { PackageFile } from "./code-package.ts";
import { exists, readSource, walkFiles } from "./files.ts";
import { validateMetadataFile } from "./metadata.ts";
import type { SourceEnvironment } from "./types.ts";

const includedTypes = /\.(c|h|s|go|yaml|json|mod|sum)$/;

/** Is this directory the root of a Go module? */
export function isModule(directory: string): boolean {
  return exists(join(directory, "go.mod"));
}

/** The module's path, as its go.mod declares it. @throws DenimError `packaging-failed` */
export function modulePath(goMod: string, where: string): string {
  const declared = /^\s*module\s+(?:"([^"]+)"|`([^`]+)`|([^\s/]\S*))/m.exec(goMod);
  const path = declared?.[1] ?? declared?.[2] ?? declared?.[3];
  if (path === undefined || !/^[A-Za-z0-9][A-Za-z0-9._~/-]*$/.test(path) || path.includes("..")) {
    throw new DenimError(
      "packaging-failed",
      `no module path in ${where}`,
      { where },
      "The first line of go.mod must be `module NAME`.",
    );
  }
  return path;
}

/**
 * All source files of a module, vendor directory included, tests left out.
 * @returns the module path and the files under `src/<module path>/`
 */
export function collectModuleSources(
  directory: string,
  environment: SourceEnvironment,
): { path: string; files: PackageFile[] } {
  const where = join(directory, "go.mod");
  const path = modulePath(text(readSource(where)), where);
  const files: PackageFile[] = [];
  for (const file of walkFiles(directory, (name) => !/(^|\/)(\.[^/]*|testdata)$/.test(name))) {
    const name = file.slice(file.lastIndexOf("/") + 1);
    if (file.startsWith("META-INF/")) {
      if (name.startsWith(".")) {
        environment.warn(`Ignoring hidden file in metadata directory: ${file}`);
        continue;
      }
      const content = readSource(join(directory, file));
      validateMetadataFile(file, content);
      files.push({ name: file, content });
    } else if (
      (includedTypes.test(name) && !name.endsWith("_test.go")) || file === "vendor/modules.txt"
    ) {
      files.push({ name: `src/${path}/${file}`, content: readSource(join(directory, file)) });
    }
  }
  return { path, files };
}
