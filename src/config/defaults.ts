/**
 * What holds where neither the environment nor core.yaml says otherwise: the values of Fabric
 * 1.4.2's sampleconfig/core.yaml, and of the settings that only Denim has.
 */

/** A value of core.yaml. */
export type ConfigValue =
  | string
  | number
  | boolean
  | null
  | readonly ConfigValue[]
  | ConfigTree;

/** A section of core.yaml; names compare without case. */
export interface ConfigTree {
  readonly [name: string]: ConfigValue | undefined;
}

/** The built-in defaults. */
export const defaultConfig: ConfigTree = {
  peer: {
    id: "jdoe",
    networkId: "dev",
    listenAddress: "0.0.0.0:7051",
    address: "0.0.0.0:7051",
    addressAutoDetect: false,
    gomaxprocs: -1,
    connectiontimeout: "5s",
    keepalive: {
      minInterval: "60s",
      client: { interval: "60s", timeout: "20s" },
      deliveryClient: { interval: "60s", timeout: "20s" },
    },
    gossip: {
      bootstrap: "127.0.0.1:7051",
      useLeaderElection: true,
      orgLeader: false,
      skipBlockVerification: false,
      pvtData: {
        pullRetryThreshold: "60s",
        transientstoreMaxBlockRetention: 1000,
        pushAckTimeout: "3s",
        btlPullMargin: 10,
        reconcileBatchSize: 10,
        reconcileSleepInterval: "1m",
        reconciliationEnabled: true,
        skipPullingInvalidTransactionsDuringCommit: false,
      },
    },
    tls: {
      enabled: false,
      clientAuthRequired: false,
      cert: { file: "tls/server.crt" },
      key: { file: "tls/server.key" },
      rootcert: { file: "tls/ca.crt" },
      clientRootCAs: { files: ["tls/ca.crt"] },
      clientKey: { file: null },
      clientCert: { file: null },
    },
    authentication: { timewindow: "15m" },
    fileSystemPath: "/var/hyperledger/production",
    BCCSP: {
      Default: "SW",
      SW: { Hash: "SHA2", Security: 256, FileKeyStore: { KeyStore: null } },
    },
    mspConfigPath: "msp",
    localMspId: "SampleOrg",
    localMspType: "bccsp",
    client: { connTimeout: "3s" },
    deliveryclient: {
      reconnectTotalTimeThreshold: "3600s",
      connTimeout: "3s",
      reConnectBackoffThreshold: "3600s",
      staticRootsEnabled: false,
    },
    profile: { enabled: false, listenAddress: "0.0.0.0:6060" },
    validatorPoolSize: null,
    gateway: {
      enabled: true,
      endorsementTimeout: "30s",
      broadcastTimeout: "30s",
      dialTimeout: "2m",
    },
    limits: { concurrency: { gatewayService: 500 } },
    discovery: {
      enabled: true,
      authCacheEnabled: true,
      authCacheMaxSize: 1000,
      authCachePurgeRetentionRatio: 0.75,
      orgMembersAllowedAccess: false,
      client: { mspConfigPath: null },
    },
  },
  vm: {
    endpoint: "unix:///var/run/docker.sock",
    docker: {
      tls: {
        enabled: false,
        ca: { file: "docker/ca.crt" },
        cert: { file: "docker/tls.crt" },
        key: { file: "docker/tls.key" },
      },
      attachStdout: false,
      hardening: {
        noNewPrivileges: true,
        capDrop: ["ALL"],
        pidsLimit: 1024,
        readonlyRootfs: "auto",
        builder: {
          capAdd: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"],
          memory: 4294967296,
          pidsLimit: 4096,
          cpuShares: 512,
        },
      },
      hostConfig: {
        NetworkMode: "host",
        LogConfig: { Type: "json-file", Config: { "max-size": "50m", "max-file": "5" } },
        Memory: 2147483648,
      },
    },
  },
  chaincode: {
    builder: "$(DOCKER_NS)/fabric-ccenv:latest",
    pull: false,
    golang: {
      runtime: "$(BASE_DOCKER_NS)/fabric-baseos:$(ARCH)-$(BASE_VERSION)",
      dynamicLink: false,
    },
    car: { runtime: "$(BASE_DOCKER_NS)/fabric-baseos:$(ARCH)-$(BASE_VERSION)" },
    java: { runtime: "$(DOCKER_NS)/fabric-javaenv:$(ARCH)-$(PROJECT_VERSION)" },
    node: { runtime: "$(BASE_DOCKER_NS)/fabric-baseimage:$(ARCH)-$(BASE_VERSION)" },
    startuptimeout: "300s",
    executetimeout: "30s",
    relaunch: "lazy",
    mode: "net",
    keepalive: 0,
    build: { cache: true, ca: { file: null } },
    process: { memory: 2147483648, network: "peer" },
    system: { cscc: "enable", lscc: "enable", escc: "enable", vscc: "enable", qscc: "enable" },
    logging: {
      level: "info",
      shim: "warning",
      format: "%{color}%{time:2006-01-02 15:04:05.000 MST} [%{module}] %{shortfunc} -> " +
        "%{level:.4s} %{id:03x}%{color:reset} %{message}",
    },
  },
  ledger: {
    state: {
      stateDatabase: "goleveldb",
      richQueries: true,
      totalQueryLimit: 100000,
      couchDBConfig: { internalQueryLimit: 1000, maxBatchUpdateSize: 1000 },
    },
    history: { enableHistoryDatabase: true },
    pvtdataStore: { purgeInterval: 100 },
  },
  operations: {
    listenAddress: "127.0.0.1:9443",
    tls: {
      enabled: false,
      cert: { file: null },
      key: { file: null },
      clientAuthRequired: false,
      clientRootCAs: { files: [] },
    },
  },
  metrics: {
    provider: "disabled",
    statsd: { network: "udp", address: "127.0.0.1:8125", writeInterval: "10s", prefix: null },
  },
};
