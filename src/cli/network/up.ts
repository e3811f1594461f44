/** `up`: the development network in this process, or with --detach in one of its own. */
import { isAbsolute, join } from "node:path";
import { sleep } from "../../base/async.ts";
import { systemClock } from "../../base/clock.ts";
import { DenimError } from "../../base/errors.ts";
import {
  defaultNetworkDirectory,
  readRunningNetwork,
  type RunningNetwork,
} from "../../client/running-network.ts";
import type { CommandHandler, Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { ownCommand } from "../own-command.ts";
import { terminalLog } from "../session.ts";
import { spawnDetached } from "./detached-process.ts";

/** How long a detached network may take to become ready. */
const detachTimeoutMs = 60_000;
const pollIntervalMs = 20;

/** The directory of `--dir`, absolute. */
export function networkDirectory({ flags, terminal }: Invocation): string {
  const given = flags.string("dir") || defaultNetworkDirectory;
  return isAbsolute(given) ? given : join(terminal.workingDirectory, given);
}

export const up: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const directory = networkDirectory(invocation);
  const running = readRunningNetwork(directory);
  if (running) {
    throw new DenimError(
      "already-running",
      `the network in ${directory} runs already (process ${running.pid})`,
      { pid: running.pid },
      "use it as it is, or stop it with 'denim down'",
    );
  }
  const runtime = flags.string("runtime");
  if (runtime !== "auto" && runtime !== "docker" && runtime !== "process") {
    throw new UsageError("usage", `--runtime must be auto, docker or process, got ${runtime}`);
  }
  if (flags.boolean("detach")) return await detach(invocation, directory);

  const interrupted = terminal.onInterruption((signal) =>
    terminal.err(`Received signal: ${signal}\n`)
  );
  const started = performance.now();
  const { startDevelopmentNetwork } = await import("../../network/development-network.ts");
  const log = terminalLog(terminal);
  const network = await startDevelopmentNetwork({
    directory,
    organizations: flags.int("orgs"),
    channelId: flags.string("channel"),
    firstPort: flags.int("port"),
    chosen: {
      organizations: flags.has("orgs"),
      channelId: flags.has("channel"),
      firstPort: flags.has("port"),
    },
    runtime,
    environment: terminal.environment,
    clock: systemClock,
    log,
  });
  try {
    terminal.out(summary(network.running, network.runtime));
    terminal.out(`Ready in ${Math.round(performance.now() - started)} ms. Ctrl-C stops it.\n`);
    await new Promise<void>((stop) => {
      if (interrupted.aborted) stop();
      else interrupted.addEventListener("abort", () => stop(), { once: true });
    });
  } finally {
    terminal.err("Stopping …\n");
    await network.stop();
  }
};

/** What runs where, and what to type next. */
function summary(network: RunningNetwork, runtime: string): string {
  const lines = [
    `Development network in ${network.directory}`,
    `  channel    ${network.channelId}`,
    `  orderer    ${network.ordererAddress}`,
    ...network.organizations.map((org) => `  ${org.mspId.padEnd(10)} ${org.peerAddress}`),
    `  chaincode  ${runtime}`,
    `  for apps   ${join(network.directory, "apps")}: profiles, wallets, certificates, keys`,
    "",
    "Try, in another terminal (no settings needed):",
    "  denim chaincode install -l node -n asset -v 1.0 -p ./my-chaincode",
    `  denim chaincode instantiate -C ${network.channelId} -n asset -v 1.0 -c '{"Args":["init"]}'`,
    `  denim chaincode query -C ${network.channelId} -n asset -c '{"Args":["list"]}'`,
    "",
  ];
  return lines.join("\n");
}

/** Starts the same command as a process of its own and waits until it is ready. */
async function detach(invocation: Invocation, directory: string): Promise<number> {
  const { terminal } = invocation;
  const started = performance.now();
  await Deno.mkdir(directory, { recursive: true });
  const logFile = join(directory, "denim.log");
  // Until it is ready: another start, of a network that is there already even, must not write into it.
  const startLog = `${logFile}.${Deno.pid}`;
  const child = spawnSelf(invocation, directory, startLog);
  let failed: number | undefined;
  child.status.then((status) => failed = status.code);
  for (;;) {
    const network = readRunningNetwork(directory);
    if (network) {
      child.unref();
      await Deno.rename(startLog, logFile);
      terminal.out(summary(network, `see ${logFile}`));
      terminal.out(
        `Ready in ${Math.round(performance.now() - started)} ms, ` +
          `process ${network.pid}; 'denim down' stops it.\n`,
      );
      return 0;
    }
    if (failed !== undefined || performance.now() - started > detachTimeoutMs) {
      if (failed === undefined) child.kill("SIGTERM");
      const log = await Deno.readTextFile(startLog).catch(() => "");
      if (readRunningNetwork(directory)) await Deno.remove(startLog);
      else await Deno.rename(startLog, logFile).catch(() => {});
      const said = /^Error: [^]*?(?=^\d{4}-\d\d-\d\d .* process \d+ |$(?![^]))/m.exec(log);
      if (said) {
        terminal.err(said[0]);
        return 1;
      }
      throw new DenimError(
        "network-not-started",
        failed === undefined
          ? `the development network was not ready within ${detachTimeoutMs / 1000} s`
          : `the development network ended with code ${failed}`,
        { logFile },
        `look into ${logFile}`,
      );
    }
    await sleep(pollIntervalMs);
  }
}

function spawnSelf(invocation: Invocation, directory: string, logFile: string): Deno.ChildProcess {
  const { flags } = invocation;
  const args = ["up", "--dir", directory];
  for (const name of ["orgs", "channel", "runtime", "port"]) {
    if (flags.has(name)) args.push(`--${name}`, flags.string(name));
  }
  return spawnDetached([...ownCommand(), ...args], logFile);
}
