/** Chaincode in JavaScript as a local process: dependencies, and the command that starts it. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isIP } from "node:net";
import { dirname, join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { readCodePackage } from "../platforms/code-package.ts";
import type { BuildContext, LaunchCommand, LaunchPlaces } from "./build.ts";
import { isTypeScript, readPackageJson, startCommand } from "./start-script.ts";
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
  const { directory } = context;
  const entries = readCodePackage(context.chaincode.codePackage);
  const source = join(directory, "src");
  unpack(entries.filter((entry) => /^\/?src\//.test(entry.name)), directory);
  const json = readPackageJson(source);
  if (!json.dependencies || existsSync(join(source, "node_modules"))) return;
  if (json.installsItself || hasLocalDependencies(source)) return await install(context, source);

  // Equal dependencies are installed once, whatever else changes in the package.
  const place = join(context.cacheDirectory, "modules", dependenciesKey(context, source));
  if (!existsSync(place)) {
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    const making = mkdtempSync(`${place}.`);
    try {
      for (const name of installFiles) {
        if (existsSync(join(source, name))) cpSync(join(source, name), join(making, name));
      }
      await install(context, making);
      mkdirSync(join(making, "node_modules"), { recursive: true });
      if (!existsSync(place)) renameSync(making, place);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
  symlinkSync(join(place, "node_modules"), join(source, "node_modules"));
}

/** What decides what is installed. */
const installFiles = [
  "package.json",
  "package-lock.json",
  "npm-shrinkwrap.json",
  ".npmrc",
  "deno.json",
  "deno.jsonc",
  "deno.lock",
];

function dependenciesKey({ engine, toolchain }: BuildContext, source: string): string {
  const hash = createHash("sha256").update(JSON.stringify([engine, toolchain]));
  for (const name of installFiles) {
    const path = join(source, name);
    if (!existsSync(path)) continue;
    hash.update(`\0${name}\0`);
    hash.update(name === "package.json" ? dependencyFields(path) : readFileSync(path));
  }
  return hash.digest("hex");
}

/** A new version number or description installs nothing else. */
function dependencyFields(path: string): string {
  const json: Record<string, unknown> = JSON.parse(readFileSync(path, "utf8"));
  return JSON.stringify(
    ["dependencies", "optionalDependencies", "peerDependencies", "overrides", "engines"]
      .map((name) => json[name]),
  );
}

/** Dependencies that lie in the package, or beside it: they cannot be shared. */
function hasLocalDependencies(source: string): boolean {
  return /"(?:file|link|workspace):/.test(readFileSync(join(source, "package.json"), "utf8"));
}

/** Installs the dependencies of the package.json in a directory. @throws DenimError `build-failed` */
async function install(context: BuildContext, source: string): Promise<void> {
  const { toolchain } = context;
  // Only npm honours npm's lock files.
  const locked = ["package-lock.json", "npm-shrinkwrap.json"]
    .some((name) => existsSync(join(source, name)));
  const npm = toolchain.npm !== undefined && toolchain.node !== undefined
    ? toolchain.npm
    : undefined;
  const useDeno = toolchain.deno !== undefined && context.engine !== "node" &&
    !(locked && npm !== undefined);
  if (useDeno && toolchain.deno !== undefined) {
    // Without its own configuration, Deno would take one from a directory above; as a workspace of
    // its own, it does not even look whether one there claims it.
    if (!hasOwnConfig(source)) {
      writeFileSync(join(source, "deno.json"), '{ "lock": false, "workspace": [] }\n');
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

function hasOwnConfig(directory: string): boolean {
  return ["deno.json", "deno.jsonc"].some((name) => existsSync(join(directory, name)));
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
  if (start.kind === "npm") {
    if (toolchain.npm === undefined || toolchain.node === undefined) {
      throw new DenimError(
        "toolchain-missing",
        `the chaincode can only be started by npm (${start.why}), and npm was not found`,
        { why: start.why },
        'Install Node.js with npm, or make the start script "node FILE".',
      );
    }
    const peer = ["--peer.address", places.peerAddress];
    return { command: toolchain.npm, arguments: ["start", "--", ...peer], directory };
  }
  const underDeno = toolchain.deno !== undefined && context.engine !== "node";
  const peerAddress = underDeno ? withoutLookup(places.peerAddress) : places.peerAddress;
  const script = [start.file, ...start.arguments, "--peer.address", peerAddress];
  const inspect = places.inspect === undefined ? [] : [`--inspect=${places.inspect}`];
  const heapMegabytes = Math.floor(places.limits.memoryBytes * heapShare / (1024 * 1024));
  if (underDeno && toolchain.deno !== undefined) {
    // grpc-js names the dialled host in the TLS handshake, and Deno refuses IP addresses there.
    if (places.tlsServerName !== undefined && isIP(hostOf(peerAddress)) !== 0) {
      script.push("--ssl-target-name-override", places.tlsServerName);
    }
    const modules = join(directory, "node_modules");
    const readable = [directory, places.instance];
    if (existsSync(modules)) readable.push(realpathSync(modules));
    return {
      command: toolchain.deno,
      arguments: [
        "run",
        // Quiet, Deno would not say where the debugger can connect.
        ...(places.inspect === undefined ? ["--quiet"] : inspect),
        "--no-prompt",
        "--no-remote",
        "--no-lock",
        // Nor any that lies above.
        ...(hasOwnConfig(directory) ? [] : ["--no-config"]),
        "--node-modules-dir=manual",
        "--unstable-detect-cjs",
        ...(places.limits.network === "all"
          ? ["--allow-net"]
          : [`--allow-net=${reachable(peerAddress)}`]),
        ...(heapMegabytes > 0 ? [`--v8-flags=--max-old-space-size=${heapMegabytes}`] : []),
        "--allow-env",
        "--allow-sys",
        `--allow-read=${readable.join(",")}`,
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
  const heap = heapMegabytes > 0 ? [`--max-old-space-size=${heapMegabytes}`] : [];
  const typed = isTypeScript(start.file) ? ["--experimental-strip-types"] : [];
  const options = [...heap, ...inspect, ...typed];
  return { command: toolchain.node, arguments: [...options, ...script], directory };
}

/** Of the memory limit, JavaScript objects may take this share; the rest is for code and buffers. */
const heapShare = 0.75;

/**
 * Deno lets a program look a name up only where it may reach every port of that host, so the local
 * host goes by its number.
 */
function withoutLookup(address: string): string {
  return hostOf(address) === "localhost" ? address.replace("localhost", "127.0.0.1") : address;
}

/** What Deno is to let through for a connection to the peer: the address, or all of a named host. */
function reachable(address: string): string {
  return isIP(hostOf(address)) !== 0 ? address : hostOf(address);
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
