/** CDS.code_package: a gzip tar with Fabric's fixed headers. Mirrors core/container/util/writer.go. */
import { gunzipSync, gzipSync } from "node:zlib";
import { DenimError, messageOf } from "../../base/errors.ts";
import { type NewTarEntry, readTar, type TarEntry, writeTar } from "./tar.ts";

/** A code package unpacked may not be larger; a bomb of 100 MB zeros would else fill the memory. */
export const maxUnpackedPackageBytes = 512 * 1024 * 1024;

/** A source file on its way into a package. */
export interface PackageFile {
  /** Path in the package, `src/…` or `META-INF/…`. */
  readonly name: string;
  readonly content: Uint8Array;
}

/**
 * The package of these files, in their order: mode 0100644, owner 500:500, no times. The tar inside
 * equals Fabric's; the compressed bytes do not, because Go and zlib compress differently.
 * User and group name are always `root`, where Fabric writes those of each file's owner: the same
 * sources then give the same package, and so the same package id, on every machine.
 */
export function writeCodePackage(files: readonly PackageFile[]): Uint8Array {
  const entries = files.map((file): NewTarEntry => ({
    ...file,
    mode: 0o100644,
    uid: 500,
    gid: 500,
    userName: "root",
    groupName: "root",
  }));
  const compressed = new Uint8Array(gzipSync(writeTar(entries)));
  // No time and "unknown system" in the gzip header, as Go writes it; zlib names the platform.
  compressed.fill(0, 4, 8);
  compressed[8] = 0;
  compressed[9] = 255;
  return compressed;
}

/** Entries of a code package. @throws DenimError `invalid-code-package` */
export function readCodePackage(codePackage: Uint8Array): TarEntry[] {
  let archive: Uint8Array;
  try {
    archive = gunzipSync(codePackage, { maxOutputLength: maxUnpackedPackageBytes });
  } catch (error) {
    throw new DenimError(
      "invalid-code-package",
      `failure opening codepackage gzip stream: ${messageOf(error)}`,
      { bytes: codePackage.length },
      "The package must be made by `chaincode package` (a gzip-compressed tar).",
      { cause: error },
    );
  }
  return readTar(archive);
}

/** A file that may not be in a package. */
export function illegalFile(name: string): DenimError {
  return new DenimError(
    "invalid-code-package",
    `illegal file detected in payload: "${name}"`,
    { name },
  );
}

/** Only regular files without execute bits. @throws DenimError `invalid-code-package` */
export function checkMode(entry: TarEntry): void {
  // Modes of more than 32 bits can be written too, and are cut off by JavaScript's operators.
  const plausible = entry.mode >= 0 && entry.mode <= 0o177777;
  if (plausible && (entry.mode & ~0o100666) === 0) return;
  throw new DenimError(
    "invalid-code-package",
    `illegal file mode detected for file ${entry.name}: ${entry.mode.toString(8)}`,
    { name: entry.name, mode: entry.mode },
  );
}
