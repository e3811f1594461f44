/** A directory as a package under src/. Mirrors WriteFolderToTarPackage of core/container/util/writer.go. */
import { join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { type PackageFile, writeCodePackage } from "./code-package.ts";
import { extensionOf, readSource, walkFiles } from "./files.ts";
import { validateMetadataFile } from "./metadata.ts";
import type { PackagedSource, SourceEnvironment } from "./types.ts";

export interface FolderRules {
  /** Directories at the root that stay out. */
  readonly excludedDirectories: readonly string[];
  /** File endings (with dot) that stay out. */
  readonly excludedTypes: readonly string[];
}

/**
 * Packages every file of a directory; META-INF goes to the root, the rest under src/. Names with
 * `.git` in them stay out (Fabric also looks at the path above the directory, we do not).
 * @throws DenimError `packaging-failed`
 */
export function packageFolder(
  path: string,
  rules: FolderRules,
  environment: SourceEnvironment,
): PackagedSource {
  if (path === "") {
    throw new DenimError(
      "packaging-failed",
      "ChaincodeSpec's path cannot be empty",
      {},
      "Give the chaincode's directory with -p.",
    );
  }
  const root = path.replace(/(.)\/$/, "$1");
  const files: PackageFile[] = [];
  const enter = (directory: string) =>
    !directory.includes(".git") && !rules.excludedDirectories.includes(directory);
  for (const file of walkFiles(root, enter)) {
    if (file.includes(".git") || rules.excludedTypes.includes(extensionOf(file))) continue;
    if (!file.startsWith("META-INF")) {
      files.push({ name: `src/${file}`, content: readSource(join(root, file)) });
      continue;
    }
    if (file.slice(file.lastIndexOf("/") + 1).startsWith(".")) {
      environment.warn(`Ignoring hidden file in metadata directory: ${file}`);
      continue;
    }
    const content = readSource(join(root, file));
    validateMetadataFile(file, content);
    files.push({ name: file, content });
  }
  if (files.length === 0) {
    throw new DenimError(
      "packaging-failed",
      `Error writing Chaincode package contents: no source files found in '${path}'`,
      { path },
      "Give the chaincode's directory with -p.",
    );
  }
  return { path, codePackage: writeCodePackage(files) };
}
