import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DenimError } from "../base/errors.ts";
import { configOf } from "./load.ts";
import { peerConfigOf } from "./peer-config.ts";
import { RawConfig, type Sourced } from "./raw-config.ts";
import {
  isWithoutEffect,
  settingsWithoutEffect,
  setWithoutEffect,
} from "./settings-without-effect.ts";

/** The settings of Fabric 1.4.2's sample core.yaml, and those that it only mentions. */
const settings = `
peer.id
peer.networkId
peer.listenAddress
peer.address
peer.addressAutoDetect
peer.gomaxprocs
peer.keepalive.minInterval
peer.keepalive.client.interval
peer.keepalive.client.timeout
peer.keepalive.deliveryClient.interval
peer.keepalive.deliveryClient.timeout
peer.gossip.bootstrap
peer.gossip.useLeaderElection
peer.gossip.orgLeader
peer.gossip.membershipTrackerInterval
peer.gossip.endpoint
peer.gossip.maxBlockCountToStore
peer.gossip.maxPropagationBurstLatency
peer.gossip.maxPropagationBurstSize
peer.gossip.propagateIterations
peer.gossip.propagatePeerNum
peer.gossip.pullInterval
peer.gossip.pullPeerNum
peer.gossip.requestStateInfoInterval
peer.gossip.publishStateInfoInterval
peer.gossip.stateInfoRetentionInterval
peer.gossip.publishCertPeriod
peer.gossip.skipBlockVerification
peer.gossip.dialTimeout
peer.gossip.connTimeout
peer.gossip.recvBuffSize
peer.gossip.sendBuffSize
peer.gossip.digestWaitTime
peer.gossip.requestWaitTime
peer.gossip.responseWaitTime
peer.gossip.aliveTimeInterval
peer.gossip.aliveExpirationTimeout
peer.gossip.reconnectInterval
peer.gossip.externalEndpoint
peer.gossip.election.startupGracePeriod
peer.gossip.election.membershipSampleInterval
peer.gossip.election.leaderAliveThreshold
peer.gossip.election.leaderElectionDuration
peer.gossip.pvtData.pullRetryThreshold
peer.gossip.pvtData.transientstoreMaxBlockRetention
peer.gossip.pvtData.pushAckTimeout
peer.gossip.pvtData.btlPullMargin
peer.gossip.pvtData.reconcileBatchSize
peer.gossip.pvtData.reconcileSleepInterval
peer.gossip.pvtData.reconciliationEnabled
peer.gossip.pvtData.skipPullingInvalidTransactionsDuringCommit
peer.gossip.state.enabled
peer.gossip.state.checkInterval
peer.gossip.state.responseTimeout
peer.gossip.state.batchSize
peer.gossip.state.blockBufferSize
peer.gossip.state.maxRetries
peer.tls.enabled
peer.tls.clientAuthRequired
peer.tls.cert.file
peer.tls.key.file
peer.tls.rootcert.file
peer.tls.clientRootCAs.files
peer.tls.clientKey.file
peer.tls.clientCert.file
peer.authentication.timewindow
peer.fileSystemPath
peer.BCCSP.Default
peer.BCCSP.SW.Hash
peer.BCCSP.SW.Security
peer.BCCSP.SW.FileKeyStore.KeyStore
peer.BCCSP.PKCS11.Library
peer.BCCSP.PKCS11.Label
peer.BCCSP.PKCS11.Pin
peer.BCCSP.PKCS11.Hash
peer.BCCSP.PKCS11.Security
peer.BCCSP.PKCS11.FileKeyStore.KeyStore
peer.mspConfigPath
peer.localMspId
peer.client.connTimeout
peer.deliveryclient.reconnectTotalTimeThreshold
peer.deliveryclient.connTimeout
peer.deliveryclient.reConnectBackoffThreshold
peer.localMspType
peer.profile.enabled
peer.profile.listenAddress
peer.handlers.authFilters
peer.handlers.decorators
peer.handlers.endorsers.escc.name
peer.handlers.endorsers.escc.library
peer.handlers.validators.vscc.name
peer.handlers.validators.vscc.library
peer.validatorPoolSize
peer.discovery.enabled
peer.discovery.authCacheEnabled
peer.discovery.authCacheMaxSize
peer.discovery.authCachePurgeRetentionRatio
peer.discovery.orgMembersAllowedAccess
vm.endpoint
vm.docker.tls.enabled
vm.docker.tls.ca.file
vm.docker.tls.cert.file
vm.docker.tls.key.file
vm.docker.attachStdout
vm.docker.hostConfig.NetworkMode
vm.docker.hostConfig.Dns
vm.docker.hostConfig.LogConfig.Type
vm.docker.hostConfig.LogConfig.Config.max-size
vm.docker.hostConfig.LogConfig.Config.max-file
vm.docker.hostConfig.Memory
chaincode.id.path
chaincode.id.name
chaincode.builder
chaincode.pull
chaincode.golang.runtime
chaincode.golang.dynamicLink
chaincode.car.runtime
chaincode.java.runtime
chaincode.node.runtime
chaincode.startuptimeout
chaincode.executetimeout
chaincode.mode
chaincode.keepalive
chaincode.system.cscc
chaincode.system.lscc
chaincode.system.escc
chaincode.system.vscc
chaincode.system.qscc
chaincode.systemPlugins
chaincode.logging.level
chaincode.logging.shim
chaincode.logging.format
ledger.blockchain
ledger.state.stateDatabase
ledger.state.totalQueryLimit
ledger.state.couchDBConfig.couchDBAddress
ledger.state.couchDBConfig.username
ledger.state.couchDBConfig.password
ledger.state.couchDBConfig.maxRetries
ledger.state.couchDBConfig.maxRetriesOnStartup
ledger.state.couchDBConfig.requestTimeout
ledger.state.couchDBConfig.internalQueryLimit
ledger.state.couchDBConfig.maxBatchUpdateSize
ledger.state.couchDBConfig.warmIndexesAfterNBlocks
ledger.state.couchDBConfig.createGlobalChangesDB
ledger.history.enableHistoryDatabase
operations.listenAddress
operations.tls.enabled
operations.tls.cert.file
operations.tls.key.file
operations.tls.clientAuthRequired
operations.tls.clientRootCAs.files
metrics.provider
metrics.statsd.network
metrics.statsd.address
metrics.statsd.writeInterval
metrics.statsd.prefix
peer.chaincodeListenAddress
peer.chaincodeAddress
peer.adminService.listenAddress
peer.tls.serverRootCAs.files
peer.tls.serverhostoverride
peer.connectiontimeout
peer.deliveryclient.staticRootsEnabled
`.trim().split("\n");

/** Remembers what was asked for. */
class WatchedConfig extends RawConfig {
  readonly asked = new Set<string>();

  override find(key: string): Sourced | undefined {
    this.asked.add(key.toLowerCase());
    return super.find(key);
  }
}

function askedByThePeer(): ReadonlySet<string> {
  const watched = new WatchedConfig({}, undefined, "/");
  peerConfigOf(watched, {});
  return watched.asked;
}

Deno.test("every setting of core.yaml is either read or listed as without effect", () => {
  const asked = askedByThePeer();
  const isRead = (setting: string) =>
    [...asked].some((key) => key === setting || setting.startsWith(`${key}.`));
  const unknown = settings.filter((setting) =>
    !isRead(setting.toLowerCase()) && isWithoutEffect(setting) === undefined
  );
  assert.deepEqual(unknown, []);
});

Deno.test("what is listed as without effect is a setting of core.yaml", () => {
  for (const { key } of settingsWithoutEffect) {
    const exists = settings.some((setting) => setting === key || setting.startsWith(`${key}.`));
    assert.ok(exists, key);
  }
});

Deno.test("the README lists every setting without effect", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const missing = settingsWithoutEffect.filter(({ key }) => {
    const last = key.split(".").at(-1);
    return !readme.includes(key) && !readme.includes(`\`${last}\``) &&
      !readme.includes(`\`${last}.*\``);
  });
  assert.deepEqual(missing.map(({ key }) => key), []);
});

Deno.test("what somebody set without effect is told, defaults are not", () => {
  const raw = new RawConfig(
    { CORE_PEER_GOSSIP_USELEADERELECTION: "true" },
    { path: "/core.yaml", tree: { peer: { gomaxprocs: 4 } } },
    "/",
  );
  assert.deepEqual(
    setWithoutEffect(raw).map(({ key }) => key),
    ["peer.gomaxprocs", "peer.gossip.useLeaderElection"],
  );
});

for (
  const [key, value] of [
    ["peer.BCCSP.Default", "PKCS11"],
    ["peer.BCCSP.SW.Hash", "SHA3"],
    ["peer.BCCSP.SW.Security", 384],
    ["peer.localMspType", "idemix"],
    ["peer.handlers.authFilters", [{ name: "MyFilter" }]],
    ["peer.handlers.decorators", [{ name: "DefaultDecorator", library: "/etc/decorator.so" }]],
  ] as const
) {
  Deno.test(`a peer that cannot honour ${key}: ${JSON.stringify(value)} does not start`, () => {
    const config = configOf({}, undefined, "/").with({ [key]: value });
    assert.throws(() => config.peerConfig, (error) => {
      assert.ok(error instanceof DenimError);
      assert.equal(error.code, "unsupported-setting");
      assert.match(error.message, new RegExp(`^${key.replaceAll(".", "\\.")} is `));
      return true;
    });
  });
}

Deno.test("the handlers that Fabric names by default are accepted", () => {
  const config = configOf({}, undefined, "/").with({
    "peer.handlers.authFilters": [{ name: "DefaultAuth" }, { name: "ExpirationCheck" }],
    "peer.handlers.decorators": [{ name: "DefaultDecorator" }],
  });
  assert.equal(config.peerConfig.peer.localMspType, "bccsp");
});
