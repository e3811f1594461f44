/**
 * `chaincode dev DIR`: runs the chaincode of a directory beside the peers and starts it anew, under the
 * same name and version, whenever its sources change. State is kept. Denim's own.
 */
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import { silentLogger } from "../../base/logger.ts";
import { deployAndCommit, installPackage } from "../../client/chaincode-lifecycle.ts";
import { ProcessRuntime } from "../../runtime/process/process-runtime.ts";
import type { CommandHandler, Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import {
  deploymentOf,
  installedEverywhere,
  instantiatedVersion,
  isInstalled,
  newVersion,
  packaged,
} from "./deploy-directory.ts";
import { DevChaincode } from "./dev-chaincode.ts";
import { DevPeer } from "./dev-peer.ts";
import { type SourceDirectory, sourceDirectory } from "./source-directory.ts";
import { SourceWatcher } from "./source-changes.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

export const dev: CommandHandler = async (invocation) => {
  const { args, flags, terminal } = invocation;
  if (args.length > 1) throw new UsageError("usage", "'chaincode dev' takes one directory");
  const source = sourceDirectory(args[0] ?? ".", terminal.workingDirectory);
  const name = flags.string("name") || source.name;
  const interrupted = terminal.onInterruption();
  const print = (line: string) => terminal.out(`${timeOfDay()}  ${line}\n`);
  const bench = await openWorkbench(invocation);
  const ended = new AbortController();
  const signal = AbortSignal.any([interrupted, ended.signal]);
  const runtime = processRuntime(bench, name, terminal.environment);
  const peers: DevPeer[] = [];
  try {
    const deployed = await instantiatedVersion(bench, name);
    const installed = await installedEverywhere(bench, name);
    const version = deployed ?? (flags.string("version") || newVersion(undefined, installed));
    for (const member of bench.members) {
      const lost = (error: unknown) => ended.abort(error);
      peers.push(await DevPeer.attach(member, name, version, lost));
    }
    const chaincode = new DevChaincode({
      peers,
      runtime,
      name,
      version,
      environment: logLevels(bench),
      inspect: inspectOf(invocation),
      pack: () => packaged(bench, source, name, version),
      print,
    });
    print(`${name} ${version}, from ${source.path}, for ${peers.map(addressOf).join(", ")}`);
    // Watched from before the first start on, so that no change is missed.
    const watcher = new SourceWatcher(source.path);
    const close = () => void watcher.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      if (signal.aborted) close();
      await chaincode.reload([]);
      if (deployed === undefined) {
        await instantiate(invocation, bench, source, name, version, print);
      }
      print(`edit the sources, and ${name} starts anew; Ctrl-C ends it`);
      for (let files = await watcher.next(); files !== undefined; files = await watcher.next()) {
        await chaincode.reload(files);
      }
    } finally {
      signal.removeEventListener("abort", close);
      await watcher.close();
      await chaincode.close();
    }
    if (!interrupted.aborted) throw connectionLost(ended.signal.reason);
  } finally {
    await runtime.close();
    for (const peer of peers) peer.release();
    bench.close();
  }
  print(
    `ended; the peers run ${name} as it is installed, 'denim chaincode deploy' takes the edits over`,
  );
};

/** Installs and instantiates it; the peers find it running already. */
async function instantiate(
  invocation: Invocation,
  bench: Workbench,
  source: SourceDirectory,
  name: string,
  version: string,
  print: (line: string) => void,
): Promise<void> {
  const { bytes, id } = await packaged(bench, source, name, version);
  const installed = await installedEverywhere(bench, name);
  for (const [i, member] of bench.members.entries()) {
    if (!isInstalled(installed[i], version, id)) await installPackage(member, bytes);
  }
  const { channelId } = bench;
  const deployment = await deploymentOf(invocation, source, name, version, channelId);
  await deployAndCommit(bench.members[0], "deploy", deployment);
  print(`instantiated ${name} ${version} on ${channelId}`);
}

function processRuntime(
  { session }: Workbench,
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): ProcessRuntime {
  const place = session.network?.directory ??
    join(environment.XDG_CACHE_HOME || join(environment.HOME || "/tmp", ".cache"), "denim");
  return new ProcessRuntime({
    directory: join(place, "dev", name),
    environment: Object.fromEntries(
      Object.entries(environment).filter((entry): entry is [string, string] =>
        entry[1] !== undefined
      ),
    ),
    limits: session.client.config.peerConfig.chaincode.process,
    clock: systemClock,
    logger: silentLogger,
  });
}

/** The levels that the peer gives chaincode which it starts itself. */
function logLevels({ session }: Workbench): Record<string, string> {
  const { level, shim } = session.client.config.peerConfig.chaincode.logging;
  return { CORE_CHAINCODE_LOGGING_LEVEL: level, CORE_CHAINCODE_LOGGING_SHIM: shim };
}

/** Where debuggers attach: the first peer's chaincode here, the others at the ports after it. */
function inspectOf({ flags }: Invocation): ((peer: number) => string) | undefined {
  if (!flags.boolean("inspect")) return undefined;
  return (peer) => `127.0.0.1:${flags.int("inspect-port") + peer}`;
}

function addressOf(peer: DevPeer): string {
  return peer.address;
}

function connectionLost(reason: unknown): DenimError {
  return new DenimError(
    "connection-lost",
    `the connection to the peer has ended: ${messageOf(reason)}`,
    {},
    "start this command again when the peer runs",
    { cause: reason },
  );
}

/** `14:03:59.120` */
function timeOfDay(): string {
  return new Date(systemClock.now()).toISOString().slice(11, 23);
}
