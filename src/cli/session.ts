/** From a command's flags and environment to an open client session. */
import { systemClock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import { LogSpec } from "../base/log-spec.ts";
import { LogWriter } from "../base/log-writer.ts";
import type { Logger } from "../base/logger.ts";
import { endorsingPeers, type PeerTarget } from "../client/connection-profile.ts";
import { withNetworkSettings } from "../client/network-settings.ts";
import type { OrdererConnection } from "../client/orderer-connection.ts";
import type { PeerConnection } from "../client/peer-connection.ts";
import { findRunningNetwork, type RunningNetwork } from "../client/running-network.ts";
import { ClientSession } from "../client/session.ts";
import { loadConfig } from "../config/load.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { parseTraceparent } from "../telemetry/traceparent.ts";
import type { Invocation } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** Everything a client command works with. Close it at the end. */
export interface CommandSession {
  readonly client: ClientSession;
  readonly network: RunningNetwork | undefined;
  readonly logger: Logger;
  close(): void;
}

/** A log on stderr as FABRIC_LOGGING_SPEC wants it. @throws DenimError `invalid-log-spec` */
export function terminalLog(terminal: Terminal): LogWriter {
  return new LogWriter({
    write: (line) => terminal.err(line),
    clock: systemClock,
    spec: LogSpec.parse(terminal.environment.FABRIC_LOGGING_SPEC ?? ""),
    coloured: terminal.isTerminal,
  });
}

/**
 * Reads the configuration and the identity.
 * @param module Fabric's logger name for the command group, `chaincodeCmd`
 */
export async function openSession(
  invocation: Invocation,
  module: string,
): Promise<CommandSession> {
  const { terminal, flags } = invocation;
  const log = terminalLog(terminal);
  let config = await loadConfig(terminal.environment, terminal.workingDirectory);
  const network = config.filePath === undefined
    ? findRunningNetwork(terminal.workingDirectory, terminal.environment)
    : undefined;
  if (network) config = withNetworkSettings(config, network, terminal.environment);
  if (flags.declares("orderer")) {
    config = config.with({
      "orderer.address": flags.string("orderer"),
      "orderer.tls.enabled": flags.boolean("tls"),
      "orderer.tls.clientAuthRequired": flags.boolean("clientauth"),
      "orderer.tls.rootcert.file": flags.string("cafile"),
      "orderer.tls.clientKey.file": flags.string("keyfile"),
      "orderer.tls.clientCert.file": flags.string("certfile"),
      "orderer.tls.serverhostoverride": flags.string("ordererTLSHostnameOverride"),
      "orderer.client.connTimeout": flags.string("connTimeout"),
    });
    if (network && !flags.has("orderer")) config = withNetworkOrderer(config, network);
  }
  const signer = signerOf(config, network, terminal);
  const logger = log.logger(module);
  const client = new ClientSession(
    config,
    signer,
    systemClock,
    traceHeaders(terminal.environment),
    (message) => logger.warn(message),
  );
  return { client, network, logger, close: () => client.close() };
}

/** @throws DenimError `bad-msp-directory` and the like, saying where the identity could come from */
function signerOf(
  { raw, filePath }: ClientSession["config"],
  network: RunningNetwork | undefined,
  { environment }: Terminal,
): SigningIdentity {
  try {
    return loadSigningIdentity(
      raw.path("peer.mspConfigPath"),
      raw.string("peer.localMspId"),
      createEcdsaProvider(),
      { keyStore: raw.path("peer.BCCSP.SW.FileKeyStore.KeyStore") },
    );
  } catch (error) {
    const unset = !network && filePath === undefined && !environment.CORE_PEER_MSPCONFIGPATH;
    if (!unset || !(error instanceof DenimError)) throw error;
    throw new DenimError(
      error.code,
      error.message,
      error.facts,
      "no development network is running and nothing is configured: start one with 'denim up', " +
        "or set FABRIC_CFG_PATH and CORE_PEER_*",
      { cause: error },
    );
  }
}

function withNetworkOrderer(config: ClientSession["config"], network: RunningNetwork) {
  return config.with({
    "orderer.address": network.ordererAddress,
    "orderer.tls.enabled": true,
    "orderer.tls.rootcert.file": network.ordererTlsRootCertFile,
  });
}

/**
 * The peers a chaincode command goes to: `--peerAddresses`, the connection profile, else the
 * configured one. Mirrors validatePeerConnectionParameters of peer/chaincode/common.go.
 */
export async function peersOf(
  invocation: Invocation,
  session: CommandSession,
): Promise<PeerConnection[]> {
  const { flags } = invocation;
  const command = invocation.path.at(-1) ?? "";
  const invalid = (reason: string, hint?: string) =>
    new DenimError(
      "invalid-peers",
      `error validating peer connection parameters: ${reason}`,
      {},
      hint,
    );
  let addresses = flags.array("peerAddresses").filter((address) => address !== "");
  let roots = flags.array("tlsRootCertFiles").filter((file) => file !== "");
  const profile = flags.string("connectionProfile");
  if (profile !== "") {
    // install has no channel: then the profile names no peers, as in Fabric.
    const channelId = flags.declares("channelID") ? flags.string("channelID") : "";
    const targets = await endorsingPeers(profile, channelId);
    if (targets) {
      addresses = targets.map((target) => target.address);
      roots = targets.map((target) => target.tlsRootCertFile);
    }
  }
  if (command !== "invoke" && addresses.length > 1) {
    throw invalid(
      `'${command}' command can only be executed against one peer. received ${addresses.length}`,
    );
  }
  if (addresses.length === 0) return [await session.client.configuredPeer()];
  if (session.client.config.raw.boolean("peer.tls.enabled")) {
    if (roots.length === 0 && session.network) roots = networkRoots(addresses, session.network);
    if (roots.length !== addresses.length) {
      throw invalid(
        `number of peer addresses (${addresses.length}) does not match the number of TLS root ` +
          `cert files (${roots.length})`,
        "give --tlsRootCertFiles once for each --peerAddresses, in the same order",
      );
    }
  }
  const targets = addresses.map((address, i): PeerTarget => ({
    address,
    tlsRootCertFile: roots[i] ?? "",
  }));
  return await Promise.all(targets.map((target) => session.client.peer(target)));
}

function networkRoots(addresses: readonly string[], network: RunningNetwork): string[] {
  const byAddress = new Map(
    network.organizations.map((org) => [org.peerAddress, org.tlsRootCertFile]),
  );
  return addresses.flatMap((address) => byAddress.get(address) ?? []);
}

/**
 * The orderer of a chaincode command: `-o`, else the first of the channel's configuration, which
 * the peer tells; where that cannot be reached, the next.
 */
export async function ordererOf(
  invocation: Invocation,
  session: CommandSession,
  peers: readonly PeerConnection[],
): Promise<OrdererConnection> {
  if (session.client.config.raw.string("orderer.address") !== "") {
    return await session.client.orderer();
  }
  const channelId = invocation.flags.string("channelID");
  const { ordererAddressesOf } = await import("../client/channel-orderers.ts");
  const addresses = await ordererAddressesOf(
    { signer: session.client.signer, clock: session.client.clock, peers },
    channelId,
  );
  session.logger.info(`Retrieved channel (${channelId}) orderer endpoint: ${addresses[0]}`);
  return await firstOf(addresses, session);
}

async function firstOf(
  [address, ...others]: readonly string[],
  session: CommandSession,
): Promise<OrdererConnection> {
  const orderer = await session.client.orderer(address);
  if (others.length > 0) {
    orderer.alternative = () => {
      session.logger.warn(`Orderer ${address} cannot be reached, ${others[0]} is asked`);
      return firstOf(others, session);
    };
  }
  return orderer;
}

/** The trace that a caller hands on in `TRACEPARENT` and `TRACESTATE`, as headers. */
function traceHeaders(environment: Terminal["environment"]): Record<string, string> {
  const { TRACEPARENT: traceparent = "", TRACESTATE: tracestate = "" } = environment;
  if (parseTraceparent(traceparent) === undefined) return {};
  return tracestate === "" ? { traceparent } : { traceparent, tracestate };
}
