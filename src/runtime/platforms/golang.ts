/** Chaincode in Go. Mirrors core/chaincode/platforms/golang/platform.go. */
import { isAbsolute, join, resolve } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { checkMode, illegalFile, readCodePackage, writeCodePackage } from "./code-package.ts";
import { exists, isDirectory } from "./files.ts";
import { collectModuleSources, isModule } from "./golang-module.ts";
import { collectGopathSources, gopathList } from "./golang-sources.ts";
import { stateMetadata } from "./metadata.ts";
import type { Platform, SourceEnvironment } from "./types.ts";

/** The import path of a package path: without scheme and trailing slash. @throws DenimError `invalid-path` */
export function importPathOf(path: string): string {
  const location = path.replace(/^https?:\/\//, "");
  if (location.length < 2) {
    throw new DenimError("invalid-path", "ChaincodeSpec's path/URL invalid", { path });
  }
  return location.replace(/\/$/, "");
}

/** URLs are not checked, as in Fabric. */
function isUrl(path: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(path);
}

/** A module given as a directory; the GOPATH wins where both exist. */
function moduleDirectory(path: string, environment: SourceEnvironment): string | undefined {
  const [gopath] = gopathList(environment.gopath);
  const inGopath = gopath !== undefined && path !== "" && !isAbsolute(path) &&
    isDirectory(join(gopath, "src", path)) && !isModule(join(gopath, "src", path));
  if (inGopath || path === "") return undefined;
  if (isModule(resolve(path))) return resolve(path);
  const below = gopath === undefined ? undefined : join(gopath, "src", path);
  return below !== undefined && isModule(below) ? below : undefined;
}

/** The Go platform. */
export const golang: Platform = {
  type: ChaincodeSpec_Type.GOLANG,
  name: "GOLANG",

  validatePath(path, environment) {
    if (isUrl(path) || moduleDirectory(path, environment) !== undefined) return;
    const [gopath] = gopathList(environment.gopath);
    const place = join(gopath ?? "", "src", path);
    if (exists(place)) return;
    throw new DenimError(
      "invalid-path",
      `path to chaincode does not exist: ${place}`,
      { path, gopath },
      "Give an import path below $GOPATH/src, or a directory with a go.mod.",
    );
  },

  validateCodePackage(codePackage) {
    if (codePackage.length === 0) return;
    for (const entry of readCodePackage(codePackage)) {
      if (!/^\/?(src|META-INF)\//.test(entry.name)) throw illegalFile(entry.name);
      checkMode(entry);
    }
  },

  package(path, environment) {
    if (path === "") {
      throw new DenimError(
        "packaging-failed",
        "Cannot collect files from empty chaincode path",
        {},
        "Give the chaincode's path with -p.",
      );
    }
    const directory = moduleDirectory(path, environment);
    if (directory !== undefined) {
      const module = collectModuleSources(directory, environment);
      return { path: module.path, codePackage: writeCodePackage(module.files) };
    }
    const [gopath] = gopathList(environment.gopath);
    const place = join(gopath ?? "", "src", path);
    if (!isDirectory(place)) {
      throw new DenimError(
        "packaging-failed",
        `Error getting code code does not exist ${
          exists(place) ? `File ${place} is not dir` : `Could not open file open ${place}`
        }`,
        { path, gopath },
        "Give an import path below $GOPATH/src, or a directory with a go.mod.",
      );
    }
    const files = collectGopathSources(path.replace(/\/+$/, ""), environment);
    return { path, codePackage: writeCodePackage(files) };
  },

  metadata: stateMetadata,

  dockerfile: (settings) => `FROM ${settings.golang.runtime}\nADD binpackage.tar /usr/local/bin`,

  builderJob(path, codePackage, settings) {
    const importPath = importPathOf(path);
    // The path goes through a shell, and comes from whoever made the package.
    if (!/^[A-Za-z0-9._~/@+-]+$/.test(importPath)) {
      throw new DenimError("invalid-path", `invalid path: ${path}`, { path });
    }
    const link = settings.golang.dynamicLink
      ? ""
      : `-ldflags "-linkmode external -extldflags '-static'"`;
    const names = new Set(readCodePackage(codePackage).map((entry) => entry.name));
    const vendored = names.has(`src/${importPath}/vendor/modules.txt`) ? "-mod=vendor " : "";
    const command = names.has(`src/${importPath}/go.mod`)
      ? `cd /chaincode/input/src/${importPath} && GO111MODULE=on go build ${vendored}${link} -o /chaincode/output/chaincode .`
      : `GOPATH=/chaincode/input:$GOPATH go build  ${link} -o /chaincode/output/chaincode ${importPath}`;
    return { image: settings.builder, command, input: codePackage };
  },

  command: (peerAddress) => ["chaincode", `-peer.address=${peerAddress}`],
};
