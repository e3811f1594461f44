/** Reading the folders of an MSP directory. Mirrors the file part of msp/configbuilder.go. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { decodePem } from "../crypto/pem.ts";
import { mspError } from "./msp-error.ts";

/** Folder names of an MSP directory. */
export const mspFolder = {
  caCerts: "cacerts",
  adminCerts: "admincerts",
  signCerts: "signcerts",
  keystore: "keystore",
  intermediateCerts: "intermediatecerts",
  crls: "crls",
  config: "config.yaml",
  tlsCaCerts: "tlscacerts",
  tlsIntermediateCerts: "tlsintermediatecerts",
} as const;

/** A file of PEM text: its path and its bytes as they are. */
export interface PemFile {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}

/** @throws DenimError `bad-msp-directory` naming the file */
export function readMspFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (thrown) {
    throw mspError("bad-msp-directory", `could not read file ${path}: ${messageOf(thrown)}`, {
      path,
    });
  }
}

/**
 * Every file of a folder that holds PEM, sorted by name; files without PEM are left out, as Fabric
 * does. Undefined where the folder does not exist. @throws DenimError `bad-msp-directory`
 */
export function readPemFolder(folder: string): PemFile[] | undefined {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw mspError(
      "bad-msp-directory",
      `could not read directory ${folder}: ${messageOf(thrown)}`,
      { path: folder },
    );
  }
  const files: PemFile[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    try {
      if (statSync(path).isDirectory()) continue;
      const bytes = new Uint8Array(readFileSync(path));
      if (decodePem(bytes)) files.push({ path, bytes });
    } catch {
      continue; // Fabric warns and goes on: what is missing shows in what is needed of the folder.
    }
  }
  return files;
}

/** As readPemFolder, but at least one file. @throws DenimError `bad-msp-directory` naming the folder */
export function requirePemFolder(directory: string, folder: string, what: string): PemFile[] {
  const path = join(directory, folder);
  const files = readPemFolder(path);
  if (files && files.length > 0) return files;
  throw mspError(
    "bad-msp-directory",
    `could not load a valid ${what} from directory ${path}: ${
      files ? "it holds no PEM file" : "no such directory"
    }`,
    { path },
    "Check the MSP directory (core.yaml peer.mspConfigPath, CORE_PEER_MSPCONFIGPATH).",
  );
}
