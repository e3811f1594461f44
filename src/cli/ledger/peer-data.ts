/** Where the data of the peer lies that a command is about: a configured one or a network's. */
import { dirname, join, resolve } from "node:path";
import { defaultNetworkDirectory, findRunningNetwork } from "../../client/running-network.ts";
import { loadConfig } from "../../config/load.ts";
import type { LedgerSettings } from "../../config/types.ts";
import { layoutOf } from "../../network/layout.ts";
import { readSettings } from "../../network/settings.ts";
import type { Invocation } from "../command.ts";

export interface PeerData {
  /** `peer.fileSystemPath`. */
  readonly directory: string;
  readonly ledger: LedgerSettings;
}

/** `--data`, else what the configuration says, else the development network's peer. */
export async function peerData({ flags, terminal }: Invocation): Promise<PeerData> {
  const { environment, workingDirectory } = terminal;
  const { filePath, peerConfig } = await loadConfig(environment, workingDirectory);
  const { ledger, peer: { fileSystemPath, localMspId } } = peerConfig;
  if (flags.declares("data") && flags.has("data")) {
    return { directory: resolve(workingDirectory, flags.string("data")), ledger };
  }
  if (environment.CORE_PEER_FILESYSTEMPATH) return { directory: fileSystemPath, ledger };
  for (const network of networksNear(filePath, workingDirectory, environment)) {
    const settings = readSettings(network);
    if (!settings) continue;
    const { organizations } = layoutOf(network, settings);
    const mspId = filePath === undefined ? environment.CORE_PEER_LOCALMSPID : localMspId;
    const { dataPath } = organizations.find((org) => org.mspId === mspId) ?? organizations[0];
    return { directory: dataPath, ledger };
  }
  return { directory: fileSystemPath, ledger };
}

/** A core.yaml means another peer, unless it is the one that the network wrote for its clients. */
function* networksNear(
  configFile: string | undefined,
  workingDirectory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Generator<string> {
  if (configFile !== undefined) {
    yield dirname(dirname(configFile));
    return;
  }
  if (environment.DENIM_NETWORK) {
    yield resolve(workingDirectory, environment.DENIM_NETWORK);
    return;
  }
  for (let here = workingDirectory;;) {
    yield join(here, defaultNetworkDirectory);
    const parent = dirname(here);
    if (parent === here) break;
    here = parent;
  }
  const running = findRunningNetwork(workingDirectory, environment);
  if (running) yield running.directory;
}
