/** The typed, validated view of the settings. */
import { builtInDefault, type RawConfig } from "./raw-config.ts";
import { chaincodeServices } from "./chaincode-services.ts";
import { expandImageName } from "./image-name.ts";
import { refuseUnsupported } from "./unsupported-settings.ts";
import type {
  ChaincodeSettings,
  DockerHostConfig,
  PeerConfig,
  PeerSettings,
  TlsFiles,
  VmSettings,
} from "./types.ts";

/** core/chaincode/config.go raises shorter startup timeouts to this. */
const minStartupTimeoutMs = 5_000;
/** core/chaincode/config.go takes this for execute timeouts below one second. */
const defaultExecuteTimeoutMs = 30_000;
const runtimeNames = ["auto", "docker", "process", "external", "service"] as const;
/** protocol limit of a TCP port */
const maxPort = 65_535;

/** Reads and checks every setting once. @throws DenimError `invalid-config` naming key and value */
export function peerConfigOf(
  raw: RawConfig,
  env: Readonly<Record<string, string | undefined>>,
): PeerConfig {
  refuseUnsupported(raw);
  return {
    peer: peerSettings(raw),
    vm: vmSettings(raw),
    chaincode: chaincodeSettings(raw),
    ledger: {
      stateDatabase: raw.string("ledger.state.stateDatabase"),
      richQueries: raw.boolean("ledger.state.richQueries"),
      totalQueryLimit: raw.integer("ledger.state.totalQueryLimit", 10_000),
      internalQueryLimit: raw.integer("ledger.state.couchDBConfig.internalQueryLimit", 1_000),
      enableHistoryDatabase: raw.boolean("ledger.history.enableHistoryDatabase"),
      pvtdataPurgeInterval: positiveOr(raw.integer("ledger.pvtdataStore.purgeInterval"), 100),
    },
    operations: {
      listenAddress: address(raw, "operations.listenAddress"),
      tls: tlsFiles(raw, "operations.tls"),
    },
    metrics: {
      provider: raw.string("metrics.provider"),
      statsd: {
        network: raw.string("metrics.statsd.network"),
        address: raw.string("metrics.statsd.address"),
        writeIntervalMs: raw.durationMs("metrics.statsd.writeInterval"),
        prefix: raw.string("metrics.statsd.prefix"),
      },
    },
    logging: {
      spec: env.FABRIC_LOGGING_SPEC ?? "",
      format: env.FABRIC_LOGGING_FORMAT ?? "",
    },
  };
}

function peerSettings(raw: RawConfig): PeerSettings {
  const tls = tlsFiles(raw, "peer.tls");
  return {
    id: raw.string("peer.id"),
    networkId: raw.string("peer.networkId"),
    listenAddress: address(raw, "peer.listenAddress"),
    address: address(raw, "peer.address"),
    addressAutoDetect: raw.boolean("peer.addressAutoDetect"),
    chaincodeListenAddress: address(raw, "peer.chaincodeListenAddress"),
    chaincodeAddress: address(raw, "peer.chaincodeAddress"),
    connectionTimeoutMs: raw.durationMs("peer.connectiontimeout", 5_000),
    keepalive: {
      minIntervalMs: raw.durationMs("peer.keepalive.minInterval", 60_000),
      client: keepalive(raw, "peer.keepalive.client"),
      deliveryClient: keepalive(raw, "peer.keepalive.deliveryClient"),
    },
    fileSystemPath: raw.path("peer.fileSystemPath"),
    mspConfigPath: raw.path("peer.mspConfigPath"),
    localMspId: raw.string("peer.localMspId"),
    localMspType: raw.string("peer.localMspType") || "bccsp",
    keyStorePath: raw.path("peer.BCCSP.SW.FileKeyStore.KeyStore"),
    tls: {
      ...tls,
      rootCertFile: raw.path("peer.tls.rootcert.file"),
      serverRootCaFiles: raw.paths("peer.tls.serverRootCAs.files"),
      clientCertFile: raw.path("peer.tls.clientCert.file") || tls.certFile,
      clientKeyFile: raw.path("peer.tls.clientKey.file") || tls.keyFile,
      serverHostOverride: raw.string("peer.tls.serverhostoverride"),
    },
    authentication: { timeWindowMs: raw.durationMs("peer.authentication.timewindow", 900_000) },
    client: { connTimeoutMs: raw.durationMs("peer.client.connTimeout") || 3_000 },
    deliveryClient: {
      reconnectTotalTimeThresholdMs: raw.durationMs(
        "peer.deliveryclient.reconnectTotalTimeThreshold",
        3_600_000,
      ),
      connTimeoutMs: raw.durationMs("peer.deliveryclient.connTimeout", 3_000),
      reconnectBackoffThresholdMs: raw.durationMs(
        "peer.deliveryclient.reConnectBackoffThreshold",
        3_600_000,
      ),
      staticRootsEnabled: raw.boolean("peer.deliveryclient.staticRootsEnabled"),
    },
    gossip: {
      // Fabric's default is a peer's own address: it names nobody else.
      bootstrap: raw.find("peer.gossip.bootstrap")?.source === builtInDefault
        ? []
        : raw.strings("peer.gossip.bootstrap"),
      externalEndpoint: raw.string("peer.gossip.externalEndpoint"),
      endpoint: raw.string("peer.gossip.endpoint"),
      transientStoreMaxBlockRetention: raw.integer(
        "peer.gossip.pvtData.transientstoreMaxBlockRetention",
        1_000,
      ),
      btlPullMargin: raw.integer("peer.gossip.pvtData.btlPullMargin", 10),
      reconciliation: {
        enabled: raw.boolean("peer.gossip.pvtData.reconciliationEnabled"),
        batchSize: positiveOr(raw.integer("peer.gossip.pvtData.reconcileBatchSize", 10), 10),
        sleepIntervalMs: positiveOr(
          raw.durationMs("peer.gossip.pvtData.reconcileSleepInterval", 60_000),
          60_000,
        ),
      },
      pushAckTimeoutMs: positiveOr(
        raw.durationMs("peer.gossip.pvtData.pushAckTimeout", 3_000),
        3_000,
      ),
    },
    gateway: {
      enabled: raw.boolean("peer.gateway.enabled"),
      endorsementTimeoutMs: positiveOr(raw.durationMs("peer.gateway.endorsementTimeout"), 30_000),
      broadcastTimeoutMs: positiveOr(raw.durationMs("peer.gateway.broadcastTimeout"), 30_000),
      dialTimeoutMs: positiveOr(raw.durationMs("peer.gateway.dialTimeout"), 120_000),
      maxConcurrentCalls: raw.integer("peer.limits.concurrency.gatewayService"),
    },
    discovery: {
      enabled: raw.boolean("peer.discovery.enabled"),
      authCacheEnabled: raw.boolean("peer.discovery.authCacheEnabled"),
      authCacheMaxSize: raw.integer("peer.discovery.authCacheMaxSize"),
      authCachePurgeRetentionRatio: raw.number("peer.discovery.authCachePurgeRetentionRatio"),
      orgMembersAllowedAccess: raw.boolean("peer.discovery.orgMembersAllowedAccess"),
      clientMspConfigPath: raw.path("peer.discovery.client.mspConfigPath"),
    },
    adminListenAddress: address(raw, "peer.adminService.listenAddress"),
    validatorPoolSize: positiveOr(raw.integer("peer.validatorPoolSize"), 0),
  };
}

function vmSettings(raw: RawConfig): VmSettings {
  return {
    endpoint: raw.string("vm.endpoint"),
    endpointIsDefault: raw.find("vm.endpoint")?.source === builtInDefault,
    docker: {
      tls: {
        enabled: raw.boolean("vm.docker.tls.enabled"),
        caFile: raw.path("vm.docker.tls.ca.file"),
        certFile: raw.path("vm.docker.tls.cert.file"),
        keyFile: raw.path("vm.docker.tls.key.file"),
      },
      attachStdout: raw.boolean("vm.docker.attachStdout"),
      hardening: {
        noNewPrivileges: raw.boolean("vm.docker.hardening.noNewPrivileges"),
        capDrop: raw.strings("vm.docker.hardening.capDrop"),
        pidsLimit: raw.integer("vm.docker.hardening.pidsLimit"),
        readonlyRootfs: oneOf(
          raw,
          "vm.docker.hardening.readonlyRootfs",
          ["auto", "always", "never"],
          "auto",
        ),
        builder: {
          capAdd: raw.strings("vm.docker.hardening.builder.capAdd"),
          memory: raw.integer("vm.docker.hardening.builder.memory"),
          pidsLimit: raw.integer("vm.docker.hardening.builder.pidsLimit"),
          cpuShares: raw.integer("vm.docker.hardening.builder.cpuShares"),
        },
      },
      hostConfig: hostConfig(raw),
    },
  };
}

function hostConfig(raw: RawConfig): DockerHostConfig {
  const key = (name: string) => `vm.docker.hostConfig.${name}`;
  return {
    capAdd: raw.strings(key("CapAdd")),
    capDrop: raw.strings(key("CapDrop")),
    dns: raw.strings(key("Dns")),
    dnsSearch: raw.strings(key("DnsSearch")),
    extraHosts: raw.strings(key("ExtraHosts")),
    networkMode: raw.string(key("NetworkMode")) || "host",
    ipcMode: raw.string(key("IpcMode")),
    pidMode: raw.string(key("PidMode")),
    utsMode: raw.string(key("UTSMode")),
    logConfig: {
      type: raw.string(key("LogConfig.Type")),
      config: raw.stringMap(key("LogConfig.Config")),
    },
    readonlyRootfs: raw.boolean(key("ReadonlyRootfs")),
    securityOpt: raw.strings(key("SecurityOpt")),
    cgroupParent: raw.string(key("CgroupParent")),
    memory: raw.integer(key("Memory")),
    memorySwap: raw.integer(key("MemorySwap")),
    memorySwappiness: raw.integer(key("MemorySwappiness")),
    oomKillDisable: raw.boolean(key("OomKillDisable")),
    cpuShares: raw.integer(key("CpuShares")),
    cpuset: raw.string(key("Cpuset")),
    cpusetCpus: raw.string(key("CpusetCPUs")),
    cpusetMems: raw.string(key("CpusetMEMs")),
    cpuQuota: raw.integer(key("CpuQuota")),
    cpuPeriod: raw.integer(key("CpuPeriod")),
    blkioWeight: raw.integer(key("BlkioWeight")),
  };
}

function chaincodeSettings(raw: RawConfig): ChaincodeSettings {
  const image = (key: string) => expandImageName(raw.string(key));
  const executeTimeoutMs = raw.durationMs("chaincode.executetimeout");
  // Atoi in core/chaincode/config.go: what is not a whole number of seconds switches keepalive off.
  const keepaliveSeconds = Number(raw.string("chaincode.keepalive"));
  return {
    builder: image("chaincode.builder"),
    pull: raw.boolean("chaincode.pull"),
    golang: {
      runtime: image("chaincode.golang.runtime"),
      dynamicLink: raw.boolean("chaincode.golang.dynamicLink"),
    },
    car: { runtime: image("chaincode.car.runtime") },
    java: { runtime: image("chaincode.java.runtime") },
    node: { runtime: image("chaincode.node.runtime") },
    startupTimeoutMs: Math.max(raw.durationMs("chaincode.startuptimeout"), minStartupTimeoutMs),
    executeTimeoutMs: executeTimeoutMs < 1_000 ? defaultExecuteTimeoutMs : executeTimeoutMs,
    // Anything but `dev` is the normal mode, as in core/chaincode IsDevMode.
    mode: raw.string("chaincode.mode") === "dev" ? "dev" : "net",
    keepaliveMs: Number.isSafeInteger(keepaliveSeconds) ? keepaliveSeconds * 1_000 : 0,
    system: ["cscc", "lscc", "escc", "vscc", "qscc"].filter((name) =>
      /^(enable|true|yes)$/.test(raw.string(`chaincode.system.${name}`))
    ),
    logging: {
      level: raw.string("chaincode.logging.level"),
      shim: raw.string("chaincode.logging.shim"),
      format: raw.string("chaincode.logging.format"),
    },
    relaunch: oneOf(raw, "chaincode.relaunch", ["lazy", "eager"], "lazy"),
    runtime: oneOf(raw, "chaincode.runtime", ["auto", "docker", "process"], "auto"),
    runtimes: Object.fromEntries(
      raw.names("chaincode.runtimes").map((name) => [
        name,
        oneOf(raw, `chaincode.runtimes.${name}`, runtimeNames, "auto"),
      ]),
    ),
    services: chaincodeServices(raw),
    build: {
      cache: raw.boolean("chaincode.build.cache"),
      caFile: raw.path("chaincode.build.ca.file"),
    },
    process: {
      memoryBytes: raw.integer("chaincode.process.memory"),
      network: oneOf(raw, "chaincode.process.network", ["peer", "all"], "peer"),
    },
  };
}

function keepalive(raw: RawConfig, key: string): { intervalMs: number; timeoutMs: number } {
  return {
    intervalMs: raw.durationMs(`${key}.interval`, 60_000),
    timeoutMs: raw.durationMs(`${key}.timeout`, 20_000),
  };
}

function tlsFiles(raw: RawConfig, key: string): TlsFiles {
  return {
    enabled: raw.boolean(`${key}.enabled`),
    clientAuthRequired: raw.boolean(`${key}.clientAuthRequired`),
    certFile: raw.path(`${key}.cert.file`),
    keyFile: raw.path(`${key}.key.file`),
    clientRootCaFiles: raw.paths(`${key}.clientRootCAs.files`),
  };
}

/** host:port with a usable port, or `""` where it is not set. */
function address(raw: RawConfig, key: string): string {
  const value = raw.string(key);
  if (value === "") return "";
  const match = /^(\[[0-9a-fA-F:.%\w]+\]|[^:\[\]]*):(\d+)$/.exec(value);
  if (match === null || Number(match[2]) > maxPort) throw raw.invalid(key, "host:port");
  return value;
}

function oneOf<Choice extends string>(
  raw: RawConfig,
  key: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  const value = raw.string(key);
  if (value === "") return fallback;
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw raw.invalid(key, `one of ${choices.join(", ")}`);
  return choice;
}

function positiveOr(value: number, fallback: number): number {
  return value > 0 ? value : fallback;
}
