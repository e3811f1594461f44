/** The typed configuration of a peer. Names are core.yaml's; durations are milliseconds (`…Ms`). */
import type { RawConfig } from "./raw-config.ts";

/** A server's TLS files, absolute paths; `""` where not set. */
export interface TlsFiles {
  readonly enabled: boolean;
  readonly clientAuthRequired: boolean;
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientRootCaFiles: readonly string[];
}

/** `peer.tls`. */
export interface PeerTls extends TlsFiles {
  readonly rootCertFile: string;
  /** Further roots for outgoing connections (`peer.tls.serverRootCAs.files`). */
  readonly serverRootCaFiles: readonly string[];
  /** The pair this peer shows as a client; the server's own where `clientCert`/`clientKey` are not set. */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  /** `peer.tls.serverhostoverride`. */
  readonly serverHostOverride: string;
}

export interface Keepalive {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** `peer`. */
export interface PeerSettings {
  readonly id: string;
  readonly networkId: string;
  readonly listenAddress: string;
  /** What others dial; see `localAddress` for what 0.0.0.0 and `addressAutoDetect` make of it. */
  readonly address: string;
  readonly addressAutoDetect: boolean;
  /** `""` where not set: port 7052 of the peer's host. */
  readonly chaincodeListenAddress: string;
  /** `""` where not set: see `chaincodeEndpoint`. */
  readonly chaincodeAddress: string;
  readonly connectionTimeoutMs: number;
  readonly keepalive: {
    readonly minIntervalMs: number;
    readonly client: Keepalive;
    readonly deliveryClient: Keepalive;
  };
  /** Absolute. */
  readonly fileSystemPath: string;
  /** Absolute. */
  readonly mspConfigPath: string;
  readonly localMspId: string;
  readonly localMspType: string;
  /** Absolute path of the software key store, `""` for `<mspConfigPath>/keystore`. */
  readonly keyStorePath: string;
  readonly tls: PeerTls;
  readonly authentication: { readonly timeWindowMs: number };
  readonly client: { readonly connTimeoutMs: number };
  readonly deliveryClient: {
    readonly reconnectTotalTimeThresholdMs: number;
    readonly connTimeoutMs: number;
    readonly reconnectBackoffThresholdMs: number;
    /** Trust `peer.tls.rootcert` for orderers too, besides what the channel configuration says. */
    readonly staticRootsEnabled: boolean;
  };
  readonly gossip: {
    /** Empty where nobody set it. */
    readonly bootstrap: readonly string[];
    readonly externalEndpoint: string;
    readonly endpoint: string;
    readonly transientStoreMaxBlockRetention: number;
    readonly btlPullMargin: number;
    /** How long an endorser waits for a peer that it sends private data to. */
    readonly pushAckTimeoutMs: number;
    /** Looking for private data that committed blocks lack. */
    readonly reconciliation: {
      readonly enabled: boolean;
      /** Blocks that other peers are asked about at one time. */
      readonly batchSize: number;
      readonly sleepIntervalMs: number;
    };
  };
  /** `peer.adminService.listenAddress`: where the Admin service listens; `""` for the peer's own listener. */
  readonly adminListenAddress: string;
  /** The Gateway service of Fabric 2.4 and later (`peer.gateway`, `peer.limits.concurrency`). */
  readonly gateway: {
    readonly enabled: boolean;
    /** One peer's answer to one proposal. */
    readonly endorsementTimeoutMs: number;
    /** One orderer's answer to one transaction. */
    readonly broadcastTimeoutMs: number;
    /** A connection to another peer or an orderer. */
    readonly dialTimeoutMs: number;
    /** Calls at a time; 0 = no limit. */
    readonly maxConcurrentCalls: number;
  };
  readonly discovery: {
    readonly enabled: boolean;
    readonly authCacheEnabled: boolean;
    /** Entries of one channel. */
    readonly authCacheMaxSize: number;
    /** 0 to 1: what stays when the cache is full. */
    readonly authCachePurgeRetentionRatio: number;
    readonly orgMembersAllowedAccess: boolean;
    /** Denim's own: MSP directory of whom this peer asks others as, absolute; "" for the peer itself. */
    readonly clientMspConfigPath: string;
  };
  /** Workers that validate a block; 0 = one a processor. */
  readonly validatorPoolSize: number;
}

/** `vm.docker.hostConfig`; 0, false, `""` and `[]` mean not set, as in Fabric. */
export interface DockerHostConfig {
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly extraHosts: readonly string[];
  readonly networkMode: string;
  readonly ipcMode: string;
  readonly pidMode: string;
  readonly utsMode: string;
  readonly logConfig: { readonly type: string; readonly config: Readonly<Record<string, string>> };
  readonly readonlyRootfs: boolean;
  readonly securityOpt: readonly string[];
  readonly cgroupParent: string;
  readonly memory: number;
  readonly memorySwap: number;
  readonly memorySwappiness: number;
  readonly oomKillDisable: boolean;
  readonly cpuShares: number;
  readonly cpuset: string;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly cpuQuota: number;
  readonly cpuPeriod: number;
  readonly blkioWeight: number;
}

/** `vm.docker.hardening`: what chaincode containers may not do. `hostConfig` has precedence. */
export interface ContainerHardening {
  /** Set-user-id programs give nothing (`SecurityOpt no-new-privileges`). */
  readonly noNewPrivileges: boolean;
  /** Where `hostConfig.CapDrop` is not set. */
  readonly capDrop: readonly string[];
  /** Processes and threads; 0 = no limit. */
  readonly pidsLimit: number;
  /** `auto`: for platforms whose chaincode writes nothing, which is Go. */
  readonly readonlyRootfs: "auto" | "always" | "never";
  readonly builder: BuilderHardening;
}

/** `vm.docker.hardening.builder`: the containers that build; privileges and `capDrop` are as above. */
export interface BuilderHardening {
  /** What a build keeps of the dropped capabilities: package managers own and unpack files as root. */
  readonly capAdd: readonly string[];
  /** Bytes; 0 = no limit. */
  readonly memory: number;
  /** Processes and threads; 0 = no limit. */
  readonly pidsLimit: number;
  /** Weight beside the peer and running chaincode, whose containers have 1024; 0 = the same. */
  readonly cpuShares: number;
}

/** `vm`. */
export interface VmSettings {
  /**
   * `unix:///…`, `tcp://host:port`, `http://…`, `https://…`; `auto` looks where Docker's own clients
   * look; `""` switches Docker off.
   */
  readonly endpoint: string;
  /** Nobody set the endpoint: it is looked for as with `auto`. */
  readonly endpointIsDefault?: boolean;
  readonly docker: {
    /** Absolute paths. */
    readonly tls: {
      readonly enabled: boolean;
      readonly caFile: string;
      readonly certFile: string;
      readonly keyFile: string;
    };
    readonly attachStdout: boolean;
    readonly hostConfig: DockerHostConfig;
    /** `vm.docker.hardening`, Denim's own. Undefined: none, as in Fabric. */
    readonly hardening?: ContainerHardening;
  };
}

/** `chaincode`; image names have `$(ARCH)` and the like filled in. */
export interface ChaincodeSettings {
  readonly builder: string;
  readonly pull: boolean;
  readonly golang: { readonly runtime: string; readonly dynamicLink: boolean };
  readonly car: { readonly runtime: string };
  readonly java: { readonly runtime: string };
  readonly node: { readonly runtime: string };
  /** At least 5 s. */
  readonly startupTimeoutMs: number;
  /** 30 s where it is below 1 s. */
  readonly executeTimeoutMs: number;
  /** In `dev` the user starts the chaincode. */
  readonly mode: "net" | "dev";
  /** 0 = no keepalive messages to chaincode. */
  readonly keepaliveMs: number;
  /** Names of the system chaincodes that are enabled. */
  readonly system: readonly string[];
  readonly logging: { readonly level: string; readonly shim: string; readonly format: string };
  /** `chaincode.runtime`, Denim's own: where chaincode runs. */
  readonly runtime: "auto" | "docker" | "process";
  /** `chaincode.relaunch`, Denim's own: `eager` launches at the peer's start and after a crash, `lazy` on use. */
  readonly relaunch: "lazy" | "eager";
  /** `chaincode.runtimes.<name>`: where one chaincode runs; keys in lower case. */
  readonly runtimes: Readonly<Record<string, ChaincodeRuntimeName>>;
  /** `chaincode.services.<name>`: chaincode that listens itself; keys in lower case. */
  readonly services: Readonly<Record<string, ChaincodeServiceSettings>>;
  /** `chaincode.build`, Denim's own. */
  readonly build: {
    /** Dependency caches are kept between builds. */
    readonly cache: boolean;
    /** PEM file with roots of trust that builds in containers need, `""` for those of the environment. */
    readonly caFile: string;
  };
  /** `chaincode.process`, Denim's own: chaincode as local processes. */
  readonly process: {
    /** Memory of one chaincode; 0 = no limit. */
    readonly memoryBytes: number;
    /** What chaincode under Deno may reach: `peer`, only the peer; `all`, everything. */
    readonly network: "peer" | "all";
  };
}

/** Where one chaincode runs; `external`: the user starts it; `service`: the peer dials it. */
export type ChaincodeRuntimeName = "auto" | "docker" | "process" | "external" | "service";

/** How the peer reaches a chaincode that listens (`chaincode.services.<name>`). */
export interface ChaincodeServiceSettings {
  /** host:port */
  readonly address: string;
  readonly dialTimeoutMs: number;
  /** Undefined: plain text. PEM. */
  readonly tls: {
    readonly rootCertificate: string;
    /** With the key: what the peer shows; `""` where the chaincode asks for nothing. */
    readonly clientCertificate: string;
    readonly clientKey: string;
    readonly serverNameOverride: string;
  } | undefined;
}

/** `ledger`. */
export interface LedgerSettings {
  /** `CouchDB` or `goleveldb`: whose rules the built-in store follows. */
  readonly stateDatabase: string;
  /** Denim's own: whether rich queries are answered with `goleveldb`, where Fabric refuses them. */
  readonly richQueries: boolean;
  readonly totalQueryLimit: number;
  readonly internalQueryLimit: number;
  readonly enableHistoryDatabase: boolean;
  /** Blocks between purges of expired private data. */
  readonly pvtdataPurgeInterval: number;
}

/** `operations`. */
export interface OperationsSettings {
  /** `""` switches the server off. */
  readonly listenAddress: string;
  readonly tls: TlsFiles;
}

/** `metrics`. */
export interface MetricsSettings {
  /** `disabled`, `prometheus` or `statsd`; anything else disables metrics with a warning. */
  readonly provider: string;
  readonly statsd: {
    readonly network: string;
    readonly address: string;
    readonly writeIntervalMs: number;
    readonly prefix: string;
  };
}

/** Everything a peer or a client reads from its configuration. */
export interface PeerConfig {
  readonly peer: PeerSettings;
  readonly vm: VmSettings;
  readonly chaincode: ChaincodeSettings;
  readonly ledger: LedgerSettings;
  readonly operations: OperationsSettings;
  readonly metrics: MetricsSettings;
  /** FABRIC_LOGGING_SPEC and FABRIC_LOGGING_FORMAT; `""` where not set. */
  readonly logging: { readonly spec: string; readonly format: string };
}

/** How one party is dialled. Mirrors peer/common configFromEnv (`peer.*`, `orderer.*`). */
export interface ClientConnection {
  readonly address: string;
  readonly serverHostOverride: string;
  readonly connTimeoutMs: number;
  readonly tls: {
    readonly enabled: boolean;
    readonly clientAuthRequired: boolean;
    /** Absolute paths; `""` where not set. */
    readonly rootCertFile: string;
    readonly clientKeyFile: string;
    readonly clientCertFile: string;
  };
}

/** The configuration of one process. */
export interface Config {
  /** Any setting by its key path, for what the typed view does not name. */
  readonly raw: RawConfig;
  /** core.yaml in use, undefined where there is none. */
  readonly filePath: string | undefined;
  /** Typed and validated at first use. @throws DenimError `invalid-config` */
  readonly peerConfig: PeerConfig;
  /** Raw access, the same as `raw.get`. */
  get(path: string): import("./defaults.ts").ConfigValue | undefined;
  /** Settings replaced by flags (`orderer.address`, `orderer.tls.enabled`, `chaincode.mode`). */
  with(overrides: Readonly<Record<string, import("./defaults.ts").ConfigValue>>): Config;
}
