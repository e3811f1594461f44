/** vm.docker.hostConfig as the engine wants it. Mirrors getDockerHostConfig of core/container/dockercontroller. */
import { DenimError } from "../../base/errors.ts";
import type { DockerHostConfig } from "../../config/types.ts";
import type { EngineTraits } from "./engine-traits.ts";

/** The engine's HostConfig; what is not set is left out, as go-dockerclient leaves it out. */
export function hostConfig(
  settings: DockerHostConfig,
  extraHosts: readonly string[] = [],
): Record<string, unknown> {
  const all: Record<string, unknown> = {
    CapAdd: settings.capAdd,
    CapDrop: settings.capDrop,
    Dns: settings.dns,
    DnsSearch: settings.dnsSearch,
    ExtraHosts: [...settings.extraHosts, ...extraHosts],
    NetworkMode: networkMode(settings),
    IpcMode: settings.ipcMode,
    PidMode: settings.pidMode,
    UTSMode: settings.utsMode,
    RestartPolicy: {},
    LogConfig: settings.logConfig.type === ""
      ? undefined
      : { Type: settings.logConfig.type, Config: settings.logConfig.config },
    ReadonlyRootfs: settings.readonlyRootfs,
    SecurityOpt: settings.securityOpt,
    CgroupParent: settings.cgroupParent,
    Memory: settings.memory,
    MemorySwap: settings.memorySwap,
    MemorySwappiness: settings.memorySwappiness,
    OomKillDisable: settings.oomKillDisable,
    CpuShares: settings.cpuShares,
    CpusetCpus: settings.cpusetCpus || settings.cpuset,
    CpusetMems: settings.cpusetMems,
    CpuQuota: settings.cpuQuota,
    CpuPeriod: settings.cpuPeriod,
    BlkioWeight: settings.blkioWeight,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => isSet(value)));
}

/** `host` where nothing is said, as in Fabric. */
export function networkMode(settings: DockerHostConfig): string {
  return settings.networkMode === "" ? "host" : settings.networkMode;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== 0 && value !== "" && value !== false &&
    !(Array.isArray(value) && value.length === 0);
}

/** An address as a container must dial it, and the host entry it needs for that. */
export interface ReachableAddress {
  readonly address: string;
  readonly extraHosts: readonly string[];
}

/**
 * Where containers find the peer: in the host's network at the same address; in a network of their
 * own, loopback and wildcard addresses mean the host. The peer must listen there, and its TLS
 * certificate must name what is dialled.
 * @throws DenimError `peer-unreachable` where the engine's host network is not this machine's
 */
export function reachableAddress(
  peerAddress: string,
  settings: DockerHostConfig,
  traits: EngineTraits,
): ReachableAddress {
  const colon = peerAddress.lastIndexOf(":");
  if (!isLocal(peerAddress.slice(0, colon))) return { address: peerAddress, extraHosts: [] };
  const mode = networkMode(settings);
  const refusal = localPeerRefusal(mode, traits);
  if (refusal !== undefined) throw refusal;
  if (mode === "host") return { address: peerAddress, extraHosts: [] };
  return {
    address: `${traits.hostName}${peerAddress.slice(colon)}`,
    extraHosts: traits.hostEntry === undefined ? [] : [traits.hostEntry],
  };
}

/** Does a host name or address, in brackets or not, mean the machine itself? */
export function isLocal(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?(::1?)?\]?)$/.test(host);
}

/** Why containers of this engine cannot reach a peer at an address that means the machine itself. */
export function localPeerRefusal(
  networkMode: string,
  { title, ownNetwork }: EngineTraits,
): DenimError | undefined {
  if (ownNetwork === undefined || networkMode !== "host") return undefined;
  return new DenimError(
    "peer-unreachable",
    `containers of rootless ${title} are in a network of the engine's own (${ownNetwork}), where this machine's loopback addresses do not lead to the peer`,
    { engine: title, ownNetwork },
    "Set peer.chaincodeListenAddress to 0.0.0.0:7052 and peer.chaincodeAddress to an address of this machine that is not loopback, or run the engine as root or with rootlesskit's host network, or use the process runtime.",
  );
}
