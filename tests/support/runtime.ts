/** What tests of chaincode runtimes share: the example packages and a recording observer. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { utf8 } from "../../src/base/bytes.ts";
import type { ChaincodeSpec_Type } from "../../src/gen/peer/chaincode_pb.ts";
import { platformOf, sourceEnvironment } from "../../src/runtime/platforms/platforms.ts";
import { writeTar } from "../../src/runtime/platforms/tar.ts";
import type { ChaincodeToRun, LaunchObserver } from "../../src/runtime/types.ts";

/** The repository's root. */
export const root = new URL("../../", import.meta.url).pathname;

/** A chaincode packaged from a directory. */
export function packaged(
  type: ChaincodeSpec_Type,
  directory: string,
  name: string,
  version = "1.0",
): ChaincodeToRun {
  const { path, codePackage } = platformOf(type).package(directory, sourceEnvironment(() => {}));
  return chaincode(type, name, version, path, codePackage);
}

/** A chaincode made of these files. */
export function written(
  type: ChaincodeSpec_Type,
  name: string,
  files: Record<string, string>,
  path = name,
): ChaincodeToRun {
  const entries = Object.entries(files).map(([file, content]) => ({
    name: file,
    content: utf8(content),
  }));
  return chaincode(type, name, "1.0", path, new Uint8Array(gzipSync(writeTar(entries))));
}

function chaincode(
  type: ChaincodeSpec_Type,
  name: string,
  version: string,
  path: string,
  codePackage: Uint8Array,
): ChaincodeToRun {
  const packageId = createHash("sha256").update(codePackage).update(name + version).digest();
  return { name, version, type, path, codePackage, packageId: new Uint8Array(packageId) };
}

/** Keeps what it is told. */
export class Recorder implements LaunchObserver {
  readonly steps: string[] = [];
  readonly lines: string[] = [];

  step(name: string, state: "begin" | "end" | "failed"): void {
    this.steps.push(`${name} ${state}`);
  }

  output(line: { text: string }): void {
    this.lines.push(line.text);
  }
}

/** A temporary directory, removed afterwards. */
export async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "denim-runtime-"));
  try {
    await run(directory);
  } finally {
    // Go's module cache is read-only; builds must not leave such directories behind.
    rmSync(directory, { recursive: true, force: true });
  }
}
