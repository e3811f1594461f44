/** Finds and opens the ledger of a stopped or running peer for reading. */
import { join, resolve } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { defaultNetworkDirectory } from "../../client/running-network.ts";
import { loadConfig } from "../../config/load.ts";
import { type LedgerReader, openLedgerForReading } from "../../ledger/ledger-reader.ts";
import { layoutOf } from "../../network/layout.ts";
import { readSettings } from "../../network/settings.ts";
import type { Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";

/** @throws DenimError where there is no such ledger or it cannot be read */
export async function openNamedLedger(invocation: Invocation): Promise<LedgerReader> {
  const channelId = invocation.flags.string("channelID");
  if (channelId === "") throw new UsageError("usage", "name the channel with -C");
  const directory = await dataDirectory(invocation);
  try {
    return openLedgerForReading(join(directory, "ledgersData"), channelId);
  } catch (error) {
    if (!(error instanceof DenimError)) throw error;
    throw new DenimError(
      error.code,
      `cannot open the ledger of channel ${channelId} in ${directory}: ${error.message}`,
      error.facts,
      error.hint ?? "name the peer's data directory with --data",
      { cause: error },
    );
  }
}

/** `--data`, else what the configuration says, else the development network's peer. */
export async function dataDirectory({ flags, terminal }: Invocation): Promise<string> {
  const { environment, workingDirectory } = terminal;
  if (flags.has("data")) return resolve(workingDirectory, flags.string("data"));
  const config = await loadConfig(environment, workingDirectory);
  if (config.filePath === undefined && !environment.CORE_PEER_FILESYSTEMPATH) {
    const network = resolve(workingDirectory, defaultNetworkDirectory);
    const settings = readSettings(network);
    if (settings) {
      const { organizations } = layoutOf(network, settings);
      const mspId = environment.CORE_PEER_LOCALMSPID;
      return (organizations.find((org) => org.mspId === mspId) ?? organizations[0]).dataPath;
    }
  }
  return config.peerConfig.peer.fileSystemPath;
}
