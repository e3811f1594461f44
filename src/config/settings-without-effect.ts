/**
 * The settings of Fabric 1.4.2's core.yaml that mean nothing here, each with the reason. Every other
 * one is honoured; a test compares this table with what the configuration reads.
 */
import { builtInDefault, type RawConfig } from "./raw-config.ts";

export interface SettingWithoutEffect {
  /** A setting, or a section with all its settings. */
  readonly key: string;
  readonly because: string;
}

const noGossip =
  "there is no gossip of blocks and membership yet: each peer takes its blocks from the ordering service";
const lateData = "private data that a block lacks is asked for a few seconds, and again later";
const noCouchDb = "state is kept in the peer's own database, which answers rich queries too";

export const settingsWithoutEffect: readonly SettingWithoutEffect[] = [
  { key: "peer.gomaxprocs", because: "a setting of Go's runtime" },
  { key: "peer.profile", because: "serves profiles of Go's runtime" },
  {
    key: "peer.keepalive.minInterval",
    because: "Denim's server takes keepalive pings at any rate",
  },
  { key: "peer.keepalive.client", because: noGossip },
  ...[
    "useLeaderElection",
    "orgLeader",
    "membershipTrackerInterval",
    "maxBlockCountToStore",
    "maxPropagationBurstLatency",
    "maxPropagationBurstSize",
    "propagateIterations",
    "propagatePeerNum",
    "pullInterval",
    "pullPeerNum",
    "requestStateInfoInterval",
    "publishStateInfoInterval",
    "stateInfoRetentionInterval",
    "publishCertPeriod",
    "dialTimeout",
    "connTimeout",
    "recvBuffSize",
    "sendBuffSize",
    "digestWaitTime",
    "requestWaitTime",
    "responseWaitTime",
    "aliveTimeInterval",
    "aliveExpirationTimeout",
    "reconnectInterval",
    "election",
    "state",
  ].map((key) => ({ key: `peer.gossip.${key}`, because: noGossip })),
  ...[
    "pullRetryThreshold",
    "btlPullMargin",
    "skipPullingInvalidTransactionsDuringCommit",
  ].map((key) => ({ key: `peer.gossip.pvtData.${key}`, because: lateData })),
  {
    key: "peer.gossip.skipBlockVerification",
    because: "the signatures of delivered blocks are always verified",
  },
  {
    key: "peer.BCCSP.PKCS11",
    because: "keys are kept in files; with BCCSP.Default: PKCS11 Denim does not start",
  },
  {
    key: "peer.handlers.endorsers",
    because: "Go plugins cannot be loaded; chaincode with another escc than escc is not endorsed",
  },
  {
    key: "peer.handlers.validators",
    because:
      "Go plugins cannot be loaded; transactions of chaincode with another vscc are not valid",
  },
  { key: "chaincode.id", because: "Fabric 1.4.2 does not read it either" },
  { key: "chaincode.systemPlugins", because: "Go plugins cannot be loaded" },
  { key: "ledger.blockchain", because: "an empty section in Fabric 1.4.2 as well" },
  ...[
    "couchDBAddress",
    "username",
    "password",
    "maxRetries",
    "maxRetriesOnStartup",
    "requestTimeout",
    "maxBatchUpdateSize",
    "warmIndexesAfterNBlocks",
    "createGlobalChangesDB",
  ].map((key) => ({ key: `ledger.state.couchDBConfig.${key}`, because: noCouchDb })),
];

/** Does an entry speak of this setting? Names compare without case. */
export function isWithoutEffect(key: string): SettingWithoutEffect | undefined {
  const wanted = key.toLowerCase();
  return settingsWithoutEffect.find((entry) => {
    const prefix = entry.key.toLowerCase();
    return wanted === prefix || wanted.startsWith(`${prefix}.`);
  });
}

/** Those that somebody set here: what the peer tells at its start, at debug level. */
export function setWithoutEffect(raw: RawConfig): SettingWithoutEffect[] {
  return settingsWithoutEffect.filter(({ key }) => {
    const found = raw.find(key);
    return found !== undefined && found.source !== builtInDefault;
  });
}
