/** Chaincode in JavaScript as a local process: dependencies, and the command that starts it. */
import { existsSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { readCodePackage } from "../platforms/code-package.ts";
import type { BuildContext, LaunchCommand, LaunchPlaces } from "./build.ts";
import { readPackageJson, startCommand } from "./start-script.ts";
import { unpack } from "./unpack.ts";

/**
 * Which program installs and runs JavaScript. Measured with fabric-shim 2.5.8 on two cores, from
 * nothing to REGISTER: Deno installs in 0.5 s (0.05 s from its cache) and connects after 0.17 s; npm
 * installs in 3.7 s (2.7 s) and Node connects after 0.24 s, 0.34 s through `npm start`. So `auto` takes
 * Deno where it can, which also confines the chaincode to its own directory; Node takes what needs it.
 */
export type JavaScriptEngine = "auto" | "deno" | "node";

/** Unpacks and installs into `context.directory`. @throws DenimError `build-failed` */
export async function buildNode(context: BuildContext): Promise<void> {
  const { directory, toolchain } = context;
  const entries = readCodePackage(context.chaincode.codePackage);
  const source = join(directory, "src");
  unpack(entries.filter((entry) => /^\/?src\//.test(entry.name)), directory);
  const json = readPackageJson(source);
  if (!json.dependencies || existsSync(join(source, "node_modules"))) return;

  // Only npm honours npm's lock files.
  const locked = ["package-lock.json", "npm-shrinkwrap.json"]
    .some((name) => existsSync(join(source, name)));
  const npm = toolchain.npm !== undefined && toolchain.node !== undefined
    ? toolchain.npm
    : undefined;
  const useDeno = toolchain.deno !== undefined && context.engine !== "node" &&
    !(locked && npm !== undefined);
  if (useDeno && toolchain.deno !== undefined) {
    // Without its own configuration, Deno would take one from a directory above.
    if (!["deno.json", "deno.jsonc"].some((name) => existsSync(join(source, name)))) {
      writeFileSync(join(source, "deno.json"), '{ "lock": false }\n');
    }
    const failure = await context.run(toolchain.deno, [
      "install",
      "--prod",
      "--quiet",
      "--node-modules-dir=auto",
    ], source);
    if (failure === undefined) return;
    if (npm === undefined) throw context.failed(`deno install: ${failure}`, installHint);
  }
  if (npm === undefined) {
    throw new DenimError(
      "toolchain-missing",
      "neither deno nor npm was found to install the chaincode's dependencies",
      {},
      "Install Node.js with npm, or run the chaincode in Docker.",
    );
  }
  const failure = await context.run(npm, [
    locked ? "ci" : "install",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--prefer-offline",
  ], source);
  if (failure !== undefined) {
    throw context.failed(`npm ${locked ? "ci" : "install"}: ${failure}`, installHint);
  }
}

const installHint =
  "Check the dependencies in package.json and that the npm registry can be reached from here.";

/** The command line of one instance. @throws DenimError `toolchain-missing` */
export function launchNode(
  context: Pick<BuildContext, "directory" | "engine" | "toolchain">,
  places: LaunchPlaces,
): LaunchCommand {
  const { toolchain } = context;
  const directory = join(context.directory, "src");
  const start = startCommand(directory, readPackageJson(directory));
  const peer = ["--peer.address", places.peerAddress];
  if (start.kind === "npm") {
    if (toolchain.npm === undefined || toolchain.node === undefined) {
      throw new DenimError(
        "toolchain-missing",
        `the chaincode can only be started by npm (${start.why}), and npm was not found`,
        { why: start.why },
        'Install Node.js with npm, or make the start script "node FILE".',
      );
    }
    return { command: toolchain.npm, arguments: ["start", "--", ...peer], directory };
  }
  const script = [start.file, ...start.arguments, ...peer];
  if (toolchain.deno !== undefined && context.engine !== "node") {
    // grpc-js names the dialled host in the TLS handshake, and Deno refuses IP addresses there.
    if (places.tlsServerName !== undefined && isIP(hostOf(places.peerAddress)) !== 0) {
      script.push("--ssl-target-name-override", places.tlsServerName);
    }
    return {
      command: toolchain.deno,
      arguments: [
        "run",
        "--quiet",
        "--no-prompt",
        "--no-remote",
        "--no-lock",
        "--node-modules-dir=manual",
        "--unstable-detect-cjs",
        "--allow-net",
        "--allow-env",
        "--allow-sys",
        `--allow-read=${directory},${places.instance}`,
        `--allow-write=${places.instance}`,
        ...script,
      ],
      directory,
      environment: { DENO_DIR: places.denoCache, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    };
  }
  if (toolchain.node === undefined) {
    throw new DenimError(
      "toolchain-missing",
      "no JavaScript runtime was found to run the chaincode",
      {},
      "Install Node.js 18 or newer, or run the chaincode in Docker.",
    );
  }
  return { command: toolchain.node, arguments: script, directory };
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
