/** The chaincode half of a peer: where it runs, the listener it dials, who launches and ends it. */
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { MetricsProvider } from "../base/metrics.ts";
import type { ChaincodeHost } from "../chaincode/chaincode-host.ts";
import { createChaincodeSupport } from "../chaincode/chaincode-support.ts";
import { createChaincodeMetrics } from "../chaincode/metrics.ts";
import type { DirectoryPackageStore } from "../chaincode/package/package-store.ts";
import type { AclProvider } from "../channel/types.ts";
import { chaincodeEndpoint, chaincodeListenAddress, splitHostPort } from "../config/addresses.ts";
import type { PeerConfig } from "../config/types.ts";
import { createCertificateAuthority } from "../crypto/certificate-authority.ts";
import { ChaincodeSupport } from "../gen/peer/chaincode_shim_pb.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import { createRpcServer } from "../rpc/server.ts";
import type { LsccDefinitions } from "../syscc/lscc/definitions.ts";
import type { SystemChaincodes } from "../syscc/system-chaincodes.ts";
import type { Channels } from "./channels.ts";
import { EagerRelaunch } from "./eager-relaunch.ts";
import type { Owned } from "./owned.ts";
import { boundAddress } from "./peer-addresses.ts";
import { chaincodeServerTls, type PeerTlsMaterial } from "./peer-tls.ts";
import { Runtimes } from "./runtimes.ts";
import { SupersededChaincode } from "./superseded-chaincode.ts";
import type { Telemetry } from "./telemetry.ts";

/**
 * Chaincode starts on the machine that the builds keep busy, and most shims do not dial twice: a
 * handshake on the chaincode listener may take longer than one of a client.
 */
const chaincodeHandshakeTimeoutMs = 60_000;

/** How long chaincode streams may go on once the peer is told to stop. */
const shutdownGraceMs = 2_000;

export interface PeerChaincodeOptions {
  readonly config: PeerConfig;
  readonly clock: Clock;
  readonly log: LogWriter;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The peer's host, for chaincode where nothing else is configured. */
  readonly host: string;
  readonly tls: PeerTlsMaterial | undefined;
  readonly channels: Channels;
  readonly acl: AclProvider;
  readonly packages: DirectoryPackageStore;
  readonly definitions: LsccDefinitions;
  readonly systemChaincodes: SystemChaincodes;
  readonly telemetry: Telemetry;
  readonly metrics: MetricsProvider;
  readonly owned: Owned;
}

export interface PeerChaincode {
  readonly runtimes: Runtimes;
  readonly chaincode: ChaincodeHost;
  readonly superseded: SupersededChaincode;
  /** Where `chaincode.relaunch` is `eager`. */
  readonly eager: EagerRelaunch | undefined;
}

/** @throws DenimError for a listener or a runtime that cannot be had */
export async function startChaincode(options: PeerChaincodeOptions): Promise<PeerChaincode> {
  const { config, clock, log, environment, host, tls, channels, acl, owned, metrics } = options;
  const { packages, definitions, systemChaincodes, telemetry } = options;
  const { peer } = config;
  const logger = log.logger("nodeCmd");
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
      bundle: (channelId) => channels.bundle(channelId),
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
  return { runtimes, chaincode, superseded, eager };
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
