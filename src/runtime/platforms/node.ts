/** Chaincode in JavaScript. Mirrors core/chaincode/platforms/node/platform.go. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { checkMode, illegalFile, readCodePackage } from "./code-package.ts";
import { exists } from "./files.ts";
import { packageFolder } from "./folder.ts";
import { stateMetadata } from "./metadata.ts";
import type { Platform } from "./types.ts";

/** The Node platform. */
export const node: Platform = {
  type: ChaincodeSpec_Type.NODE,
  name: "NODE",

  validatePath(path) {
    if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(path) || exists(resolve(path))) return;
    throw new DenimError(
      "invalid-path",
      `path to chaincode does not exist: ${path}`,
      { path },
      "Give the directory that holds package.json.",
    );
  },

  validateCodePackage(codePackage) {
    if (codePackage.length === 0) return;
    let found = false;
    for (const entry of readCodePackage(codePackage)) {
      if (!/^\/?(src|META-INF)\//.test(entry.name)) throw illegalFile(entry.name);
      if (entry.name === "src/package.json") found = true;
      checkMode(entry);
    }
    if (found) return;
    throw new DenimError(
      "invalid-code-package",
      "no package.json found at the root of the chaincode package",
      {},
      "Package the directory that holds package.json.",
    );
  },

  package: (path, environment) => {
    const excludedDirectories = bundlesDependencies(path) ? [] : ["node_modules"];
    return packageFolder(path, { excludedDirectories, excludedTypes: [] }, environment);
  },

  metadata: stateMetadata,

  dockerfile: (settings) => `FROM ${settings.node.runtime}\nADD binpackage.tar /usr/local/src`,

  builderJob: (_path, codePackage, settings) => ({
    image: settings.builder,
    command: `cp -R /chaincode/input/src/. /chaincode/output && cd /chaincode/output && ${
      // A package that brings its dependencies needs no registry, only their programs linked.
      bringsDependencies(codePackage)
        ? "npm rebuild --ignore-scripts --offline"
        : "npm install --production"}`,
    input: codePackage,
  }),

  command: (peerAddress) => [
    "/bin/sh",
    "-c",
    `cd /usr/local/src; npm start -- --peer.address ${peerAddress}`,
  ],
};

/** The package holds a node_modules of its own. */
export function bringsDependencies(codePackage: Uint8Array): boolean {
  return readCodePackage(codePackage).some(({ name }) => /^\/?src\/node_modules\//.test(name));
}

/**
 * `"bundleDependencies": true` in package.json means to npm that dependencies are packed too. Fabric
 * leaves them out always; a package for a peer without a registry needs them.
 */
function bundlesDependencies(path: string): boolean {
  try {
    const json: unknown = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    return typeof json === "object" && json !== null &&
      Reflect.get(json, "bundleDependencies") === true;
  } catch {
    return false;
  }
}
