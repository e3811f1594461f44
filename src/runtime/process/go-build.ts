/** Chaincode in Go as a local process: `go build`, in module mode or with a GOPATH. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { readCodePackage } from "../platforms/code-package.ts";
import { importPathOf } from "../platforms/golang.ts";
import type { BuildContext, LaunchCommand, LaunchPlaces } from "./build.ts";
import { shimGopath } from "./go-shim.ts";
import { unpack } from "./unpack.ts";

/** The executable in a build directory. */
const executable = "chaincode";

/** Builds `context.directory`/chaincode. @throws DenimError `build-failed`, `toolchain-missing` */
export async function buildGo(context: BuildContext): Promise<void> {
  const { directory, toolchain } = context;
  const { go } = toolchain;
  if (go === undefined) {
    throw new DenimError(
      "toolchain-missing",
      "no Go toolchain was found to build the chaincode",
      {},
      "Install Go (go on PATH), or run the chaincode in Docker.",
    );
  }
  const importPath = importPathOf(context.chaincode.path);
  if (importPath.startsWith("-") || importPath.split("/").includes("..")) {
    throw new DenimError("invalid-path", `invalid path: ${importPath}`, { path: importPath });
  }
  const gopath = join(directory, "go");
  unpack(
    readCodePackage(context.chaincode.codePackage).filter((entry) => /^\/?src\//.test(entry.name)),
    gopath,
  );
  const source = join(gopath, "src", importPath);
  const output = join(directory, executable);
  // A build that is cut leaves its work behind: where the unfinished build is removed, so is that.
  const temporary = join(directory, "tmp");
  mkdirSync(temporary, { recursive: true });
  // Without paths in the program, Go's cache holds for every directory that a build is made in;
  // without debugger's tables (stack traces need none), it is linked a third faster.
  const common = ["build", "-trimpath", "-ldflags=-w", "-o", output];
  const failure = existsSync(join(source, "go.mod"))
    ? await context.run(
      go,
      [...common, ...moduleFlags(source), "."],
      source,
      { GO111MODULE: "on", GOFLAGS: "-buildvcs=false", GOTMPDIR: temporary },
    )
    : await context.run(
      go,
      // PKCS#11 is for peers, and would need a C compiler.
      [...common, "-tags", "nopkcs11", importPath],
      directory,
      {
        GO111MODULE: "off",
        GOFLAGS: "",
        GOTMPDIR: temporary,
        GOPATH: hasOwnShim(source) ? gopath : `${gopath}:${await shimGopath(context, go)}`,
      },
    );
  if (failure !== undefined) {
    throw context.failed(`go build: ${failure}`, "Correct the sources, and package them again.");
  }
  if (!existsSync(output)) {
    throw context.failed("go build made no program", "The path must name a main package.");
  }
  // Only the program is needed from here on.
  for (const place of [gopath, temporary]) rmSync(place, { recursive: true, force: true });
}

/** A package with a vendor directory needs no network; one without go.sum (or with it) may. */
function moduleFlags(source: string): string[] {
  if (existsSync(join(source, "vendor", "modules.txt"))) return ["-mod=vendor"];
  return existsSync(join(source, "go.sum")) ? [] : ["-mod=mod"];
}

function hasOwnShim(source: string): boolean {
  return existsSync(join(source, "vendor/github.com/hyperledger/fabric/core/chaincode/shim"));
}

/** The command line of one instance. */
export function launchGo(
  context: Pick<BuildContext, "directory">,
  places: LaunchPlaces,
): LaunchCommand {
  return {
    command: join(context.directory, executable),
    arguments: [`-peer.address=${places.peerAddress}`],
    directory: places.instance,
    environment: goMemoryLimit(places.limits.memoryBytes),
  };
}

/** Of the memory limit, Go's collector starts to work hard at this share. */
const goMemoryShare = 0.9;

/** Go's own, soft limit: it collects garbage more eagerly before it goes beyond. */
function goMemoryLimit(memoryBytes: number): Record<string, string> {
  return memoryBytes > 0 ? { GOMEMLIMIT: `${Math.floor(memoryBytes * goMemoryShare)}B` } : {};
}
