/**
 * Installed packages on disk, one file each, byte for byte as they were given, so that a Fabric
 * peer and Denim can use the same directory. Mirrors core/common/ccprovider/ccprovider.go.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { compareUtf8 } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { InstalledPackageInfo, PackageStore } from "../types.ts";
import { type ChaincodePackage, checkAgainstLedger, parsePackage } from "./chaincode-package.ts";

export class DirectoryPackageStore implements PackageStore {
  readonly #directory: string;
  readonly #logger: Logger;

  /** @param directory `<fileSystemPath>/chaincodes`; made where it is missing */
  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger.named("ccprovider");
    mkdirSync(directory, { recursive: true, mode: 0o755 });
  }

  /**
   * Stores the bytes; whole or not at all, whatever happens meanwhile.
   *
   * @throws DenimError `package-exists` with Fabric's text
   */
  install(name: string, version: string, packageBytes: Uint8Array): void {
    const path = this.#pathOf(name, version);
    if (existsSync(path)) throw this.#exists(path);
    const temporary = join(this.#directory, `.install-${randomUUID()}`);
    try {
      writeDurably(temporary, packageBytes);
      this.#publish(temporary, path);
    } finally {
      rmSync(temporary, { force: true });
    }
    syncDirectory(this.#directory);
  }

  /** A hard link fails where the file exists, a rename would replace it; not all disks have links. */
  #publish(temporary: string, path: string): void {
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (codeOf(error) === "EEXIST") throw this.#exists(path);
      if (existsSync(path)) throw this.#exists(path);
      renameSync(temporary, path);
    }
  }

  /** @throws DenimError `package-not-installed`, `malformed-package` */
  load(name: string, version: string): ChaincodePackage {
    const path = this.#pathOf(name, version);
    let packageBytes: Uint8Array;
    try {
      packageBytes = new Uint8Array(readFileSync(path));
    } catch (error) {
      throw new DenimError(
        "package-not-installed",
        codeOf(error) === "ENOENT" ? `open ${path}: no such file or directory` : messageOf(error),
        { name, version, path },
        `Install chaincode ${name} version ${version} on this peer.`,
        { cause: error },
      );
    }
    return parsePackage(packageBytes);
  }

  has(name: string, version: string): boolean {
    return existsSync(this.#pathOf(name, version));
  }

  /** In the order of file names. What is not a sound package is left out with a warning. */
  list(): InstalledPackageInfo[] {
    return readdirSync(this.#directory)
      .filter((file) => !file.startsWith(".") && file.includes("."))
      .sort(compareUtf8)
      .flatMap((file) => this.#describe(file) ?? []);
  }

  #describe(file: string): InstalledPackageInfo | undefined {
    const dot = file.indexOf(".");
    try {
      const { name, version, path, id } = this.load(file.slice(0, dot), file.slice(dot + 1));
      if (`${name}.${version}` === file) return { name, version, path, id };
      this.#logger.warn("Chaincode file's name/version has been modified on the filesystem", {
        file,
        name,
        version,
      });
    } catch (error) {
      this.#logger.warn("Unreadable chaincode file found on filesystem", {
        file,
        reason: messageOf(error),
      });
    }
    return undefined;
  }

  #pathOf(name: string, version: string): string {
    // Names reach us from ledgers and proposals: a separator must not lead out of the directory.
    if (/[/\\\0]/.test(name + version)) {
      throw new DenimError("package-not-installed", "invalid chaincode name or version", {
        name,
        version,
      });
    }
    return `${this.#directory}/${name}.${version}`;
  }

  #exists(path: string): DenimError {
    return new DenimError(
      "package-exists",
      `chaincode ${path} exists`,
      { path },
      "Installed packages never change; install under a new version.",
    );
  }
}

/** Loads the package that the ledger's definition names and checks that it is the same one. */
export function loadMatching(
  store: { load(name: string, version: string): ChaincodePackage },
  ledger: { readonly name: string; readonly version: string; readonly data: Uint8Array },
): ChaincodePackage {
  const installed = store.load(ledger.name, ledger.version);
  checkAgainstLedger(installed, ledger);
  return installed;
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const file = openSync(path, "wx", 0o644);
  try {
    for (let written = 0; written < bytes.length;) {
      written += writeSync(file, bytes, written, bytes.length - written);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
