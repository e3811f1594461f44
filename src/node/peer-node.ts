/**
 * A peer: configuration in, running node out. `start` is the wiring diagram, top to bottom.
 * Mirrors peer/node/start.go.
 */
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { ChaincodeHost } from "../chaincode/chaincode-host.ts";
import { createChaincodeSupport } from "../chaincode/chaincode-support.ts";
import { createChaincodeMetrics } from "../chaincode/metrics.ts";
import { DirectoryPackageStore } from "../chaincode/package/package-store.ts";
import { createAclProvider } from "../channel/acl-provider.ts";
import {
  chaincodeEndpoint,
  chaincodeListenAddress,
  localAddress,
  splitHostPort,
} from "../config/addresses.ts";
import type { PeerConfig } from "../config/types.ts";
import { createCertificateAuthority } from "../crypto/certificate-authority.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { createDeliverMetrics } from "../deliver/metrics.ts";
import { registerPeerDeliver } from "../deliver/peer-deliver.ts";
import type { Neighbours } from "../discovery/neighbours.ts";
import { createEndorser } from "../endorser/endorser.ts";
import { createProposalMetrics } from "../endorser/metrics.ts";
import { Control } from "../gen/denim/control_pb.ts";
import { Development } from "../gen/denim/dev_pb.ts";
import { Admin } from "../gen/peer/admin_pb.ts";
import { Gateway } from "../gen/gateway/gateway_pb.ts";
import { ChaincodeSupport } from "../gen/peer/chaincode_shim_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { registerGossip } from "../gossip/gossip-service.ts";
import { createLedgerProvider } from "../ledger/ledger-provider.ts";
import { createLedgerMetrics } from "../ledger/metrics.ts";
import { createMsp } from "../msp/create-msp.ts";
import { loadMspConfig } from "../msp/load-msp-config.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import { signedByAnyAdmin } from "../policy/envelopes.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import { createRpcServer } from "../rpc/server.ts";
import { ServerMetrics } from "../rpc/server-metrics.ts";
import type { RpcServer } from "../rpc/types.ts";
import { Cscc } from "../syscc/cscc/cscc.ts";
import { LsccDefinitions } from "../syscc/lscc/definitions.ts";
import { Lscc } from "../syscc/lscc/lscc.ts";
import { Qscc } from "../syscc/qscc/qscc.ts";
import { SystemChaincodes } from "../syscc/system-chaincodes.ts";
import { createAdminService } from "./admin-service.ts";
import { Channels } from "./channels.ts";
import { trustChannelMembers } from "./client-roots.ts";
import { createControlService } from "./control-service.ts";
import { createDevService } from "./dev-service.ts";
import { PeerDiscovery } from "./discovery.ts";
import { EagerRelaunch } from "./eager-relaunch.ts";
import { registerHealthChecks } from "./health-checks.ts";
import { ExpiryWatch, watchBlockSigners, watchOwnCertificates } from "./expiry-watch.ts";
import { ledgerOptions } from "./ledger-options.ts";
import { Operations } from "./operations.ts";
import { peerBlocks } from "./peer-blocks.ts";
import { chaincodeServerTls, readPeerTls } from "./peer-tls.ts";
import { createPeerGateway } from "./gateway.ts";
import { guardWhileRebuilding } from "./rebuild-guard.ts";
import { ordererConnector } from "./orderer-connections.ts";
import { PrivateDataSharing } from "./private-data-sharing.ts";
import { prune } from "./prune.ts";
import { Runtimes } from "./runtimes.ts";
import { SupersededChaincode } from "./superseded-chaincode.ts";
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

/**
 * Chaincode starts on the machine that the builds keep busy, and most shims do not dial twice: a
 * handshake on the chaincode listener may take longer than one of a client.
 */
const chaincodeHandshakeTimeoutMs = 60_000;

/** How long calls may go on once the peer is told to stop. */
const shutdownGraceMs = 2_000;
/** The same for event streams, which never end by themselves. */
const shutdownStreamGraceMs = 100;

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
    const owned = <T>(value: T, close: (value: T) => Promise<void> | void): T => {
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
      const chaincodeHost = splitHostPort(chaincodeEndpoint(peer, host)).host;
      const runtimes: Runtimes = owned(
        new Runtimes({
          config,
          clock,
          logger: log.logger("container"),
          chaincodeHost,
          environment,
          serveDialled: (instance, messages) => chaincode.serveDialled(instance, messages),
          isAttached: (instance) => chaincode.attachments.has(instance),
          metrics,
        }),
        (all) => all.close(),
      );
      const authority = await createCertificateAuthority({ clock });
      const chaincodeServer = owned(
        await createRpcServer({
          listen: chaincodeListenAddress(peer, host),
          tls: tls && await chaincodeServerTls(authority, chaincodeHost),
          limits: { handshakeTimeoutMs: chaincodeHandshakeTimeoutMs },
          logger: log.logger("core.comm"),
        }),
        (server) => server.close(shutdownGraceMs),
      );
      const chaincode = owned(
        createChaincodeSupport({
          config: {
            startupTimeoutMs: config.chaincode.startupTimeoutMs,
            executeTimeoutMs: config.chaincode.executeTimeoutMs,
            keepaliveMs: config.chaincode.keepaliveMs,
            totalQueryLimit: config.ledger.totalQueryLimit,
            peerAddress: boundAddress(chaincodeEndpoint(peer, host), chaincodeServer),
            tlsEnabled: peer.tls.enabled,
            userRunsChaincode: config.chaincode.mode === "dev",
            environment: chaincodeEnvironment(config),
          },
          systemChaincodes,
          packages,
          definitions,
          acl,
          certificateAuthority: authority,
          runtimeFor: (wanted) => runtimes.choose(wanted),
          ledger: (channelId) => channels.ledger(channelId),
          bundle: bundleOf,
          signaturePolicy: (channelId, policy) => {
            const bundle = channels.get(channelId)?.bundle();
            if (!bundle) {
              throw new DenimError("unknown-channel", `channel ${channelId} is not joined`);
            }
            return compileSignaturePolicy(policy, bundle.mspManager);
          },
          launchDirectory: join(peer.fileSystemPath, "launches"),
          onCrash: (name, version, pauseMs) => eager?.crashed(name, version, pauseMs),
          metrics: createChaincodeMetrics(metrics),
          clock,
          logger,
        }),
        async (host) => {
          await host.close();
          await superseded.close();
        },
      );
      telemetry.followLaunches(chaincode.launches);
      chaincodeServer.register(ChaincodeSupport, chaincode.service);
      const upkeep = { chaincode, packages, ledgers: () => channels.openLedgers(), logger };
      const superseded: SupersededChaincode = new SupersededChaincode(upkeep);
      const eager = config.chaincode.relaunch === "eager" && config.chaincode.mode !== "dev"
        ? owned(new EagerRelaunch(upkeep), (relaunch) => relaunch.close())
        : undefined;

      // Services.
      const server = owned(
        await createRpcServer({
          listen: peer.listenAddress,
          tls: tls?.server,
          limits: { handshakeTimeoutMs: peer.connectionTimeoutMs },
          metrics: new ServerMetrics(metrics),
          logger: log.logger("core.comm"),
        }),
        (listening) => listening.close(shutdownGraceMs, shutdownStreamGraceMs),
      );
      const endorser = telemetry.traced(createEndorser({
        signer,
        localMsp,
        channels,
        acl,
        chaincode,
        definitions,
        packages,
        systemChaincodes,
        clock,
        logger,
        historyEnabled: config.ledger.enableHistoryDatabase,
        systemChaincodeVersion,
        distributePrivateData: privateData.distribute,
        metrics: createProposalMetrics(metrics),
      }));
      const guarded = guardWhileRebuilding(endorser, {
        directory: ledgersDirectory,
        ledger: (channelId) => channels.ledger(channelId),
        logger,
      });
      server.register(Endorser, guarded);
      registerPeerDeliver(server, {
        acl,
        ...peerBlocks(channels),
        timeWindowMs: peer.authentication.timeWindowMs,
        mutualTls: peer.tls.enabled && peer.tls.clientAuthRequired,
        metrics: createDeliverMetrics(metrics),
        clock,
        logger,
      });
      registerGossip(server, {
        identity: { signer, tlsCertificateHash: tls?.serverCertificateHash },
        privateData: privateData.receiver,
        privateDataSource: privateData.source,
        identityOf: privateData.identityOf,
        logger,
      });
      discovery.register(server);
      if (peer.gateway.enabled) {
        const gateway = owned(
          createPeerGateway({
            peer,
            address: boundAddress(address, server),
            tls,
            channels,
            discovery,
            endorser: guarded,
            acl,
            isSystemChaincode: (name) => systemChaincodes.isSystemChaincode(name),
            log,
          }),
          (service) => service.close(),
        );
        server.register(Gateway, gateway.handlers);
      }
      const adminPolicy = compileSignaturePolicy(signedByAnyAdmin([peer.localMspId]), localMsp);
      const admin = { policy: adminPolicy, clock, logger: log.logger("server") };
      const adminServer = hasOwnAdminListener(peer)
        ? owned(
          await createRpcServer({
            listen: peer.adminListenAddress,
            tls: tls?.server,
            logger: log.logger("core.comm"),
          }),
          (listening) => listening.close(shutdownGraceMs),
        )
        : server;
      adminServer.register(Admin, createAdminService({ ...admin, log }));
      server.register(
        Control,
        createControlService({
          ...admin,
          chaincode,
          prune: () => prune({ chaincode, packages, runtimes, logger }),
        }),
      );
      server.register(
        Development,
        createDevService({ ...admin, attachments: chaincode.attachments }),
      );

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

/** Whether the Admin service listens apart from the peer. Mirrors adminHasSeparateListener. */
function hasOwnAdminListener({ adminListenAddress, listenAddress }: PeerConfig["peer"]): boolean {
  if (adminListenAddress === "") return false;
  const { port } = splitHostPort(adminListenAddress);
  return port === 0 || port !== splitHostPort(listenAddress).port;
}

/** Environment of chaincode from `chaincode.logging`. Mirrors container_runtime.go. */
function chaincodeEnvironment({ chaincode }: PeerConfig): Record<string, string> {
  const { level, shim, format } = chaincode.logging;
  return Object.fromEntries(
    [
      ["CORE_CHAINCODE_LOGGING_LEVEL", level],
      ["CORE_CHAINCODE_LOGGING_SHIM", shim],
      ["CORE_CHAINCODE_LOGGING_FORMAT", format],
    ].filter(([, value]) => value !== ""),
  );
}

/** `address` with the port that was really taken where it asks for any (0). */
function boundAddress(address: string, server: RpcServer): string {
  if (splitHostPort(address).port !== 0) return address;
  return address.replace(/:0$/, `:${splitHostPort(server.address).port}`);
}

/** The first address of this machine that others may use. */
function localIp(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === "IPv4" && !internal) return address;
    }
  }
  return "127.0.0.1";
}
