/** Reading source directories in Go's filepath.Walk order, which decides the order in a package. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { compareUtf8 } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";

/** A packaged source tree has at most so many files. */
export const maxSourceFiles = 100_000;

/**
 * Files below a directory as paths relative to it, names sorted bytewise in each directory.
 * Symbolic links count as files and are not followed into directories.
 * @param enter tells whether a directory (relative path) is looked into
 */
export function walkFiles(root: string, enter: (directory: string) => boolean): string[] {
  const files: string[] = [];
  const visit = (directory: string) => {
    const found = readdirSync(join(root, directory), { withFileTypes: true })
      .sort((a, b) => compareUtf8(a.name, b.name));
    for (const item of found) {
      const path = directory === "" ? item.name : `${directory}/${item.name}`;
      if (item.isDirectory()) {
        if (enter(path)) visit(path);
      } else {
        if (files.length === maxSourceFiles) {
          throw new DenimError(
            "packaging-failed",
            `more than ${maxSourceFiles} files in '${root}'`,
            { root },
            "Give the chaincode's own directory.",
          );
        }
        files.push(path);
      }
    }
  };
  try {
    visit("");
  } catch (error) {
    if (error instanceof DenimError) throw error;
    throw new DenimError(
      "packaging-failed",
      `Error walking directory: ${messageOf(error)}`,
      { root },
      undefined,
      { cause: error },
    );
  }
  return files;
}

/** Content of a source file. @throws DenimError `packaging-failed` */
export function readSource(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new DenimError(
      "packaging-failed",
      `Error writing file to package: ${path}: ${messageOf(error)}`,
      { path },
      undefined,
      { cause: error },
    );
  }
}

/** Is it there, and a directory? */
export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Is there anything of this name? */
export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The ending of a file name as Go's filepath.Ext has it: `.json` of `.json`, where Node says "". */
export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot);
}
