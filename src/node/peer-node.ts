/**
 * A peer: configuration in, running node out. `start` is the wiring diagram, top to bottom.
 * Mirrors peer/node/start.go.
 */
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { ChaincodeHost } from "../chaincode/chaincode-host.ts";
import { DirectoryPackageStore } from "../chaincode/package/package-store.ts";
import { createAclProvider } from "../channel/acl-provider.ts";
import { localAddress, splitHostPort } from "../config/addresses.ts";
import type { PeerConfig } from "../config/types.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import type { Neighbours } from "../discovery/neighbours.ts";
import { createLedgerProvider } from "../ledger/ledger-provider.ts";
import { createLedgerMetrics } from "../ledger/metrics.ts";
import { createMsp } from "../msp/create-msp.ts";
import { loadMspConfig } from "../msp/load-msp-config.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import { Cscc } from "../syscc/cscc/cscc.ts";
import { LsccDefinitions } from "../syscc/lscc/definitions.ts";
import { Lscc } from "../syscc/lscc/lscc.ts";
import { Qscc } from "../syscc/qscc/qscc.ts";
import { SystemChaincodes } from "../syscc/system-chaincodes.ts";
import { Channels } from "./channels.ts";
import { trustChannelMembers } from "./client-roots.ts";
import { PeerDiscovery } from "./discovery.ts";
import { registerHealthChecks } from "./health-checks.ts";
import { ExpiryWatch, watchBlockSigners, watchOwnCertificates } from "./expiry-watch.ts";
import { ledgerOptions } from "./ledger-options.ts";
import { Operations } from "./operations.ts";
import type { Owned } from "./owned.ts";
import { boundAddress, localIp } from "./peer-addresses.ts";
import { type PeerChaincode, startChaincode } from "./peer-chaincode.ts";
import { startServices } from "./peer-services.ts";
import { readPeerTls } from "./peer-tls.ts";
import { ordererConnector } from "./orderer-connections.ts";
import { PrivateDataSharing } from "./private-data-sharing.ts";
import type { Runtimes } from "./runtimes.ts";
import { createTelemetry } from "./telemetry.ts";

export interface PeerNodeOptions {
  readonly config: PeerConfig;
  readonly clock: Clock;
  readonly log: LogWriter;
  /** For build tools; chaincode sees none of it beyond an allow-list. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** See `EndorserDependencies.systemChaincodeVersion`. */
  readonly systemChaincodeVersion?: string;
  /** Where the peers of this process find each other. */
  readonly neighbours?: Neighbours;
}

export class PeerNode {
  private constructor(
    /** host:port under which the peer is known. */
    readonly address: string,
    readonly channels: Channels,
    readonly chaincode: ChaincodeHost,
    readonly runtimes: Runtimes,
    /** host:port of the operations listener; undefined where there is none. */
    readonly operationsAddress: string | undefined,
    private readonly closers: (() => Promise<void> | void)[],
  ) {}

  /** @throws DenimError for a configuration, key, data directory or address that cannot be used */
  static async start(options: PeerNodeOptions): Promise<PeerNode> {
    const { config, clock, log, environment, systemChaincodeVersion } = options;
    const { peer } = config;
    const logger = log.logger("nodeCmd");
    const closers: (() => Promise<void> | void)[] = [];
    const owned: Owned = (value, close) => {
      closers.unshift(() => close(value));
      return value;
    };
    try {
      const operations = owned(
        await Operations.start({ config, clock, log }),
        (started) => started.close(),
      );
      const { metrics } = operations;
      const address = localAddress(peer, localIp);
      const { host } = splitHostPort(address);

      // Keys and identities.
      const ecdsa = owned(
        createEcdsaProvider({ workers: peer.validatorPoolSize || undefined }),
        (provider) => provider.close?.(),
      );
      const mspConfig = await loadMspConfig(peer.mspConfigPath, peer.localMspId, { signing: true });
      const localMsp = createMsp(mspConfig, { provider: ecdsa, clock });
      const signer = loadSigningIdentity(peer.mspConfigPath, peer.localMspId, ecdsa, {
        clock,
        keyStore: peer.keyStorePath,
      });
      const tls = peer.tls.enabled ? readPeerTls(config.peer.tls) : undefined;
      const expiry = owned(new ExpiryWatch({ clock, logger }), (watch) => watch.close());
      watchOwnCertificates(expiry, signer.expiresAt, tls);

      // What is on disk.
      const packages = new DirectoryPackageStore(
        join(peer.fileSystemPath, "chaincodes"),
        log.logger("ccprovider"),
      );
      const ledgersDirectory = join(peer.fileSystemPath, "ledgersData");
      const ledgers = owned(
        createLedgerProvider({
          directory: ledgersDirectory,
          logger: log.logger("kvledger"),
          ...ledgerOptions(config.ledger, packages),
          metrics: createLedgerMetrics(metrics),
        }),
        (provider) => provider.close(),
      );

      // Channels.
      let trustClients = () => {};
      const channels: Channels = new Channels(ledgers, {
        ecdsa,
        signer,
        identitiesOf: (channelId) =>
          channelId === "" ? localMsp : channels.bundle(channelId)?.mspManager,
        connectOrderer: ordererConnector(peer, tls, expiry),
        tlsCertificateHash: tls?.clientCertificateHash,
        reconnect: {
          connectTimeoutMs: peer.deliveryClient.connTimeoutMs,
          maxBackoffMs: peer.deliveryClient.reconnectBackoffThresholdMs,
          reconnectTotalTimeMs: peer.deliveryClient.reconnectTotalTimeThresholdMs,
        },
        transientRetentionBlocks: peer.gossip.transientStoreMaxBlockRetention,
        fetchPrivateData: (...wanted) => privateData.fetch(...wanted),
        onCommit: (committed) => {
          superseded.committed();
          privateData.committed(committed);
        },
        onConfig: () => trustClients(),
        onVerifiedBlock: watchBlockSigners(expiry),
        clock,
        logger,
      });
      channels.openAll();
      const bundleOf = (channelId: string) => channels.bundle(channelId);
      const acl = createAclProvider({ bundleOf, localMsp });
      const { neighbours } = options;
      const discovery: PeerDiscovery = owned(
        new PeerDiscovery({
          peer,
          tls,
          channels,
          packages,
          signer,
          localMsp,
          ecdsa,
          neighbours,
          clock,
          log,
        }),
        (all) => all.close(),
      );
      const privateData: PrivateDataSharing = owned(
        new PrivateDataSharing({
          peer,
          tls,
          channels,
          membership: discovery.membership,
          signer,
          localMsp,
          log,
        }),
        (sharing) => sharing.close(),
      );

      const telemetry = owned(
        createTelemetry({ environment, peer, clock, logger: log.logger("telemetry") }),
        (traces) => traces.close(),
      );

      // System chaincodes and chaincode.
      const definitions = new LsccDefinitions(packages);
      const systemChaincodes: SystemChaincodes = new SystemChaincodes([
        new Lscc({
          channels,
          packages,
          acl,
          compilePolicy: compileSignaturePolicy,
          isSystemChaincode: (name) => systemChaincodes.isSystemChaincode(name),
          onInstalled: (installed) => {
            ledgers.chaincodeInstalled();
            discovery.chaincodeInstalled();
            runtimes.buildEarly(installed);
          },
        }),
        new Cscc({
          acl,
          channels: {
            bundle: bundleOf,
            ids: () => channels.ids(),
            configBlock: (channelId) => channels.get(channelId)?.configBlock(),
            configTxValidator: (channelId) => channels.get(channelId)?.bundle().configTxValidator,
          },
          joinChannel: (channelId, block) => {
            channels.join(channelId, block);
            discovery.channelJoined();
          },
        }),
        new Qscc({ acl, channels }),
      ].filter(({ name }) => config.chaincode.system.includes(name)));
      const { runtimes, chaincode, superseded, eager }: PeerChaincode = await startChaincode({
        config,
        clock,
        log,
        environment,
        host,
        tls,
        channels,
        acl,
        packages,
        definitions,
        systemChaincodes,
        telemetry,
        metrics,
        owned,
      });

      const server = await startServices({
        config,
        clock,
        log,
        address,
        tls,
        signer,
        localMsp,
        channels,
        acl,
        chaincode,
        runtimes,
        definitions,
        packages,
        systemChaincodes,
        discovery,
        privateData,
        telemetry,
        metrics,
        owned,
        systemChaincodeVersion,
        ledgersDirectory,
      });

      registerHealthChecks(operations.checks, { config, runtimes, channels });
      const configuredRoots = tls?.server.clientRootCertificates;
      trustClients = () => trustChannelMembers(server, configuredRoots, channels.bundles(), logger);
      trustClients();
      channels.startAll();
      discovery.start();
      privateData.start();
      eager?.start();
      closers.unshift(() => {
        privateData.stopWaiting();
        return channels.stopAll();
      });
      const known = boundAddress(address, server);
      logger.info(
        `Started peer with ID=[name:"${peer.id}" ], network ID=[${peer.networkId}], address=[${known}]`,
      );
      for (const [channelId, error] of channels.failures) {
        logger.error(`Started without channel ${channelId}: ${describe(error)}`, { channelId });
      }
      return new PeerNode(known, channels, chaincode, runtimes, operations.address, closers);
    } catch (error) {
      for (const close of closers) await close();
      throw error;
    }
  }

  /** Stops pulling blocks, stops chaincode, ends calls, closes the ledgers. Safe to call twice. */
  async close(): Promise<void> {
    for (const close of this.closers.splice(0)) await close();
  }
}

/** What went wrong and what to do. */
function describe(error: unknown): string {
  const hint = error instanceof DenimError ? error.hint : undefined;
  return hint === undefined ? messageOf(error) : `${messageOf(error)}. ${hint}`;
}
