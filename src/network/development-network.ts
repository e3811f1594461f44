/**
 * A whole Fabric network in one process: an orderer, a peer for each organisation, a channel they
 * have joined. Everything is made on first start and found again on the next.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import type { Clock } from "../base/clock.ts";
import { hex, utf8 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import { identifyProcess } from "../base/process-identity.ts";
import {
  networkFileName,
  networkPointerFile,
  type RunningNetwork,
} from "../client/running-network.ts";
import { configOf } from "../config/load.ts";
import { sha256 } from "../crypto/hash.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { Neighbours } from "../discovery/neighbours.ts";
import { ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import { PeerNode } from "../node/peer-node.ts";
import type { ChaincodeRuntime } from "../runtime/types.ts";
import { writeMaterial } from "./applications/material.ts";
import { checkLedgers, damagedLedger, isDamage } from "./check-ledgers.ts";
import { checkKeys, checkPorts, damagedNetwork } from "./check-network.ts";
import { joinChannel } from "./join-channel.ts";
import { makeArtifacts, makeKeys, writeClientConfig } from "./keys-and-genesis.ts";
import { layoutOf, type NetworkLayout, networkOrganization } from "./layout.ts";
import { startOrderer } from "./network-orderer.ts";
import { operationsSettings } from "./operations-settings.ts";
import { type NetworkSettings, newSettings, readSettings, writeSettings } from "./settings.ts";

export interface DevelopmentNetworkOptions {
  /** Absolute; made where it is missing. */
  readonly directory: string;
  readonly organizations: number;
  readonly channelId: string;
  /** The orderer's port; 0 takes free ones. */
  readonly firstPort: number;
  /** What the user asked for, rather than took by default: an existing network must agree with it. */
  readonly chosen: {
    readonly organizations: boolean;
    readonly channelId: boolean;
    readonly firstPort: boolean;
  };
  readonly runtime: "auto" | "docker" | "process";
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: LogWriter;
}

export interface DevelopmentNetwork {
  readonly running: RunningNetwork;
  readonly peers: readonly PeerNode[];
  /** Where JavaScript chaincode will run, and why. */
  readonly runtime: string;
  stop(): Promise<void>;
}

/** Starts the network; when this resolves, its channel can be used. @throws DenimError */
export async function startDevelopmentNetwork(
  options: DevelopmentNetworkOptions,
): Promise<DevelopmentNetwork> {
  const { directory, clock, log } = options;
  const settings = await settingsOf(options);
  const layout = layoutOf(directory, settings);
  const closers: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0)) await close();
  };
  try {
    checkKeys(layout);
    makeKeys(layout, clock);
    const [firstOrg] = layout.organizations;
    const ecdsa = createEcdsaProvider();
    closers.unshift(() => ecdsa.close?.());
    const admin = loadSigningIdentity(firstOrg.adminMspPath, firstOrg.mspId, ecdsa);
    if (!existsSync(layout.genesisBlockFile)) {
      await makeArtifacts(layout, settings.channelId, admin, clock);
      await writeClientConfig(layout);
    }
    const orderer = await startOrderer({ layout, ecdsa, clock, log }).catch((error) => {
      throw isDamage(error)
        ? damagedNetwork(
          directory,
          messageOf(error),
          `restore ${layout.orderer.dataPath} from a backup`,
          error,
        )
        : error;
    });
    closers.unshift(() => orderer.close());
    const peers = await startPeers(options, layout, closers);
    checkLedgers(layout, settings, peers, orderer);
    await joinChannel(layout, settings, peers, clock);
    const { runtime, reason } = await peers[0].runtimes.chosen(ChaincodeSpec_Type.NODE);
    if (options.runtime === "docker") await requireEngine(runtime);
    await writeMaterial(layout, settings.channelId);
    const running: RunningNetwork = {
      format: 1,
      ...identifyProcess(process.pid),
      directory,
      channelId: settings.channelId,
      ordererAddress: layout.orderer.address,
      ordererTlsRootCertFile: layout.orderer.tlsRootCertFile,
      organizations: layout.organizations.map(networkOrganization),
    };
    await announce(running, options.environment);
    closers.unshift(() => rm(join(directory, networkFileName), { force: true }));
    return { running, peers, runtime: reason, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The settings on disk, or new ones as asked for. @throws DenimError `network-differs` */
async function settingsOf(options: DevelopmentNetworkOptions): Promise<NetworkSettings> {
  const { directory, organizations, channelId, firstPort, chosen } = options;
  const existing = readSettings(directory);
  if (!existing) {
    const settings = await newSettings(options);
    await checkPorts(settings, true);
    await writeSettings(directory, settings);
    return settings;
  }
  const differs = (what: string, had: unknown, wanted: unknown) =>
    new DenimError(
      "network-differs",
      `the network in ${directory} has ${what} ${had}, not ${wanted}`,
      { directory },
      "start it as it is, delete it with 'denim down --purge', or choose another --dir",
    );
  if (chosen.organizations && existing.organizations.length !== organizations) {
    throw differs("organisations:", existing.organizations.length, organizations);
  }
  if (chosen.channelId && existing.channelId !== channelId) {
    throw differs("channel", existing.channelId, channelId);
  }
  if (chosen.firstPort && firstPort !== 0 && existing.ordererPort !== firstPort) {
    throw differs("first port", existing.ordererPort, firstPort);
  }
  await checkPorts(existing, false);
  return existing;
}

async function startPeers(
  options: DevelopmentNetworkOptions,
  layout: NetworkLayout,
  closers: (() => Promise<void> | void)[],
): Promise<PeerNode[]> {
  const { environment, clock, log, runtime } = options;
  // CORE_PEER_* of a shell speaks of the client; what speaks of engines and chaincode holds here too.
  const shared = Object.fromEntries(
    Object.entries(environment).filter(([name]) =>
      !name.startsWith("CORE_") || /^CORE_(VM|CHAINCODE|LEDGER|OPERATIONS|METRICS)_/.test(name)
    ),
  );
  const neighbours = new Neighbours();
  const started = await Promise.allSettled(layout.organizations.map((org, i) => {
    const { config } = {
      config: configOf(shared, undefined, layout.directory).with({
        "peer.id": org.peerHost,
        "peer.networkId": networkIdOf(layout.directory),
        "peer.address": org.peerAddress,
        "peer.listenAddress": org.peerListenAddress,
        "peer.chaincodeListenAddress": org.chaincodeListenAddress,
        "peer.chaincodeAddress": org.chaincodeListenAddress.replace("127.0.0.1", "localhost"),
        "peer.gossip.externalEndpoint": org.peerAddress,
        "peer.localMspId": org.mspId,
        "peer.mspConfigPath": org.peerMspPath,
        "peer.fileSystemPath": org.dataPath,
        "peer.tls.enabled": true,
        "peer.tls.cert.file": join(org.peerTlsPath, "server.crt"),
        "peer.tls.key.file": join(org.peerTlsPath, "server.key"),
        "peer.tls.rootcert.file": join(org.peerTlsPath, "ca.crt"),
        ...operationsSettings(environment, i),
        "chaincode.runtime": runtime,
      }),
    };
    return PeerNode.start({ config: config.peerConfig, clock, log, environment, neighbours });
  }));
  const peers: PeerNode[] = [];
  for (const result of started) {
    if (result.status !== "fulfilled") continue;
    peers.push(result.value);
    closers.unshift(() => result.value.close());
  }
  for (const [i, result] of started.entries()) {
    if (result.status === "fulfilled") continue;
    throw isDamage(result.reason) ? damagedLedger(layout, i, result.reason) : result.reason;
  }
  return peers;
}

/** With --runtime docker a network without an engine is of no use. @throws DenimError `no-engine` */
async function requireEngine(runtime: ChaincodeRuntime): Promise<void> {
  const check = await runtime.check();
  if (check.ok) return;
  throw new DenimError(
    "no-engine",
    check.reason,
    {},
    "start Docker, point CORE_VM_ENDPOINT to an engine, or use --runtime process",
  );
}

/** Lets clients find the network. */
async function announce(
  running: RunningNetwork,
  environment: DevelopmentNetworkOptions["environment"],
): Promise<void> {
  const pointer = networkPointerFile(environment);
  if (pointer) {
    // A home that cannot be written only costs the convenience of being found from anywhere.
    await mkdir(dirname(pointer), { recursive: true })
      .then(() => writeFile(pointer, `${running.directory}\n`))
      .catch(() => {});
  }
  const path = join(running.directory, networkFileName);
  await writeFile(`${path}.part`, JSON.stringify(running, undefined, 2) + "\n");
  await rename(`${path}.part`, path);
}

/**
 * Containers are named after it: two development networks on one Docker engine must not take each
 * other's for their own.
 */
function networkIdOf(directory: string): string {
  return `dev-${hex(sha256(utf8(directory))).slice(0, 8)}`;
}
