/** What a peer offers to clients and other peers: its listeners and the services on them. */
import type { Clock } from "../base/clock.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { MetricsProvider } from "../base/metrics.ts";
import type { ChaincodeHost } from "../chaincode/chaincode-host.ts";
import type { DirectoryPackageStore } from "../chaincode/package/package-store.ts";
import type { IdentityAclProvider } from "../channel/types.ts";
import type { PeerConfig } from "../config/types.ts";
import { createDeliverMetrics } from "../deliver/metrics.ts";
import { registerPeerDeliver } from "../deliver/peer-deliver.ts";
import { createEndorser } from "../endorser/endorser.ts";
import { createProposalMetrics } from "../endorser/metrics.ts";
import { Control } from "../gen/denim/control_pb.ts";
import { Development } from "../gen/denim/dev_pb.ts";
import { Gateway } from "../gen/gateway/gateway_pb.ts";
import { Admin } from "../gen/peer/admin_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { registerGossip } from "../gossip/gossip-service.ts";
import type { LocalSigningIdentity } from "../msp/signing-identity.ts";
import type { Msp } from "../msp/types.ts";
import { signedByAnyAdmin } from "../policy/envelopes.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import { createRpcServer } from "../rpc/server.ts";
import { ServerMetrics } from "../rpc/server-metrics.ts";
import type { RpcServer } from "../rpc/types.ts";
import type { LsccDefinitions } from "../syscc/lscc/definitions.ts";
import type { SystemChaincodes } from "../syscc/system-chaincodes.ts";
import { createAdminService } from "./admin-service.ts";
import type { Channels } from "./channels.ts";
import { createControlService } from "./control-service.ts";
import { createDevService } from "./dev-service.ts";
import type { PeerDiscovery } from "./discovery.ts";
import { createPeerGateway } from "./gateway.ts";
import type { Owned } from "./owned.ts";
import { boundAddress, hasOwnAdminListener } from "./peer-addresses.ts";
import { peerBlocks } from "./peer-blocks.ts";
import type { PeerTlsMaterial } from "./peer-tls.ts";
import type { PrivateDataSharing } from "./private-data-sharing.ts";
import { prune } from "./prune.ts";
import { guardWhileRebuilding } from "./rebuild-guard.ts";
import type { Runtimes } from "./runtimes.ts";
import type { Telemetry } from "./telemetry.ts";

/** How long calls may go on once the peer is told to stop. */
const shutdownGraceMs = 2_000;
/** The same for event streams, which never end by themselves. */
const shutdownStreamGraceMs = 100;

export interface PeerServicesOptions {
  readonly config: PeerConfig;
  readonly clock: Clock;
  readonly log: LogWriter;
  /** host:port under which the peer is known; port 0 where any will do. */
  readonly address: string;
  readonly tls: PeerTlsMaterial | undefined;
  readonly signer: LocalSigningIdentity;
  readonly localMsp: Msp;
  readonly channels: Channels;
  readonly acl: IdentityAclProvider;
  readonly chaincode: ChaincodeHost;
  readonly runtimes: Runtimes;
  readonly definitions: LsccDefinitions;
  readonly packages: DirectoryPackageStore;
  readonly systemChaincodes: SystemChaincodes;
  readonly discovery: PeerDiscovery;
  readonly privateData: PrivateDataSharing;
  readonly telemetry: Telemetry;
  readonly metrics: MetricsProvider;
  readonly owned: Owned;
  /** See `EndorserDependencies.systemChaincodeVersion`. */
  readonly systemChaincodeVersion: string | undefined;
  readonly ledgersDirectory: string;
}

/**
 * Opens the listeners and registers every service; gives the peer's own listener.
 * @throws DenimError for an address that cannot be used
 */
export async function startServices(options: PeerServicesOptions): Promise<RpcServer> {
  const { config, clock, log, address, tls, signer, localMsp, channels, acl, owned } = options;
  const { chaincode, runtimes, definitions, packages, systemChaincodes, metrics } = options;
  const { discovery, privateData, telemetry, systemChaincodeVersion, ledgersDirectory } = options;
  const { peer } = config;
  const logger = log.logger("nodeCmd");
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
  return server;
}
