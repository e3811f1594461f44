/** vm.docker.hostConfig as the engine wants it. Mirrors getDockerHostConfig of core/container/dockercontroller. */
import type { DockerHostConfig } from "../../config/types.ts";

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

/** Name of the host inside containers; engines since 20.10 know its address as `host-gateway`. */
export const hostFromContainers = "host.docker.internal";

/**
 * Where containers find the peer: in the host's network at the same address; in a network of their
 * own, loopback and wildcard addresses mean the host. The peer must listen there, and its TLS
 * certificate must name what is dialled.
 */
export function reachableAddress(
  peerAddress: string,
  settings: DockerHostConfig,
): ReachableAddress {
  const colon = peerAddress.lastIndexOf(":");
  const host = peerAddress.slice(0, colon).replace(/^\[|\]$/g, "");
  const local = /^(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|::1?|)$/.test(host);
  if (networkMode(settings) === "host" || !local) return { address: peerAddress, extraHosts: [] };
  return {
    address: `${hostFromContainers}${peerAddress.slice(colon)}`,
    extraHosts: [`${hostFromContainers}:host-gateway`],
  };
}
