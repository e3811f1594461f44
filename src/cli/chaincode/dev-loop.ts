/** The edit loop of `chaincode dev` for peers that come and go. */
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { untilAborted } from "../../chaincode/waiting.ts";
import { deployAndCommit, installPackage } from "../../client/chaincode-lifecycle.ts";
import { ProcessRuntime } from "../../runtime/process/process-runtime.ts";
import type { Invocation } from "../command.ts";
import { deploymentOf, installedEverywhere, isInstalled, packaged } from "./deploy-directory.ts";
import { DevChaincode } from "./dev-chaincode.ts";
import type { Connected } from "./dev-connection.ts";
import type { DevPeer } from "./dev-peer.ts";
import { SourceWatcher } from "./source-changes.ts";
import type { SourceDirectory } from "./source-directory.ts";
import type { Workbench } from "./workbench.ts";

/** What stays while peers come and go: the sources, their watcher, their builds. */
export class DevLoop {
  readonly chaincode: DevChaincode;
  readonly #runtime: ProcessRuntime;
  readonly #watcher: SourceWatcher;
  /** Changes that were asked for and have not come yet. */
  #next: Promise<string[] | undefined> | undefined;

  constructor(
    private readonly invocation: Invocation,
    bench: Workbench,
    private readonly source: SourceDirectory,
    private readonly name: string,
    private readonly print: (line: string) => void,
  ) {
    this.#runtime = processRuntime(bench, name, invocation.terminal.environment);
    this.chaincode = new DevChaincode({
      runtime: this.#runtime,
      name,
      sources: source.path,
      environment: logLevels(bench),
      inspect: inspectOf(invocation),
      pack: (version) => packaged(bench, source, name, version),
      print,
    });
    // Watched from before the first start on, so that no change is missed.
    this.#watcher = new SourceWatcher(source.path);
  }

  /** Runs the chaincode and follows its sources until a peer has gone or people have had enough. */
  async run(connected: Connected, interrupted: AbortSignal): Promise<void> {
    const { bench, peers, version } = connected;
    const { name, print, source } = this;
    const signal = AbortSignal.any([interrupted, connected.lost]);
    const session = { peers, version, signal };
    print(`${name} ${version}, from ${source.path}, for ${peers.map(addressOf).join(", ")}`);
    await this.chaincode.start(session);
    if (connected.isNew && !signal.aborted) {
      await instantiate(this.invocation, bench, source, name, version, print);
    }
    if (!signal.aborted) print(`edit the sources, and ${name} starts anew; Ctrl-C ends it`);
    while (!signal.aborted) {
      this.#next ??= this.#watcher.next();
      const files = await untilAborted(this.#next, signal).catch(() => undefined);
      if (files === undefined) return;
      this.#next = undefined;
      await this.chaincode.reload(session, files);
    }
  }

  async close(): Promise<void> {
    await this.#watcher.close();
    await this.#next;
    await this.#runtime.close();
  }
}

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
