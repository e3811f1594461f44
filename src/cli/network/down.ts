/** `down`: stops the development network, and with --purge deletes what it left. */
import { join } from "node:path";
import process from "node:process";
import { sleep } from "../../base/async.ts";
import { DenimError } from "../../base/errors.ts";
import { isProcessAlive, type ProcessIdentity } from "../../base/process-identity.ts";
import {
  networkHere,
  networkLastStarted,
  readRunningNetwork,
} from "../../client/running-network.ts";
import type { CommandHandler } from "../command.ts";
import { networkDirectory } from "./up.ts";

/** How long a network may take to end after SIGTERM before it is killed. */
const stopTimeoutMs = 20_000;
const pollIntervalMs = 20;

export const down: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const chosen = flags.has("dir")
    ? networkDirectory(invocation)
    : terminal.environment.DENIM_NETWORK || undefined;
  // Never the one that happens to run elsewhere: this may delete keys and data.
  const network = chosen === undefined
    ? networkHere(terminal.workingDirectory)
    : readRunningNetwork(chosen);
  const directory = network?.directory ?? chosen ?? networkDirectory(invocation);
  if (network) {
    process.kill(network.pid, "SIGTERM");
    if (!await gone(network)) {
      process.kill(network.pid, "SIGKILL");
      terminal.err(`process ${network.pid} did not stop within ${stopTimeoutMs} ms: killed\n`);
    }
    terminal.out(`Stopped the development network in ${directory}\n`);
  } else {
    terminal.out("No development network is running here\n");
    const other = chosen === undefined ? networkLastStarted(terminal.environment) : undefined;
    if (other) {
      terminal.err(`one runs in ${other.directory}: denim down --dir ${other.directory}\n`);
    }
  }
  await endLeftovers(directory, terminal.err);
  if (flags.boolean("purge")) await purge(directory, terminal.out);
};

/** Chaincode outlives a network that was killed; its next start would end it, and so does this. */
async function endLeftovers(directory: string, tell: (text: string) => void): Promise<void> {
  const peers = join(directory, "peers");
  if (!await exists(peers)) return;
  const { reapLeftovers } = await import("../../runtime/process/leftovers.ts");
  for await (const { name } of Deno.readDir(peers)) {
    for (const pid of reapLeftovers(join(peers, name, "processes", "instances"))) {
      tell(`ended chaincode process ${pid}, left by a network that was killed\n`);
    }
  }
}

async function purge(directory: string, tell: (text: string) => void): Promise<void> {
  try {
    await Deno.stat(join(directory, "settings.json"));
  } catch {
    // Never delete a directory that denim did not make.
    if (!await exists(directory)) return;
    throw new DenimError(
      "not-a-network",
      `${directory} holds no development network: nothing was deleted`,
      { directory },
      "name the network's directory with --dir",
    );
  }
  await Deno.remove(directory, { recursive: true });
  tell(`Deleted ${directory}\n`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

async function gone(process: ProcessIdentity): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < stopTimeoutMs; waitedMs += pollIntervalMs) {
    if (!isProcessAlive(process)) return true;
    await sleep(pollIntervalMs);
  }
  return false;
}
