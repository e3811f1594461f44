/**
 * What chaincode containers may not do beyond `vm.docker.hostConfig`. Fabric sets nothing of this;
 * what `hostConfig` says has precedence, and `vm.docker.hardening` switches each part off.
 */
import { posix } from "node:path";
import type { ContainerHardening } from "../../config/types.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { containerTlsPaths } from "../launch-environment.ts";

/** Bytes that a container with a read-only root may write to /tmp. */
export const maxTmpBytes = 64 * 1024 * 1024;

/** Where the TLS files lie in containers. */
export const tlsDirectory = posix.dirname(containerTlsPaths.clientKey);

/** Parts of a container's description. */
export interface ContainerLimits {
  readonly hostConfig: Readonly<Record<string, unknown>>;
  /** Anonymous volumes; they go with the container. */
  readonly volumes: Readonly<Record<string, Record<string, never>>> | undefined;
}

/**
 * @param hostConfig the engine's HostConfig, as `hostConfig` makes it of the settings
 * @param hardening undefined: as in Fabric
 */
export function limited(
  hostConfig: Readonly<Record<string, unknown>>,
  hardening: ContainerHardening | undefined,
  type: ChaincodeSpec_Type,
): ContainerLimits {
  const result: Record<string, unknown> = { ...hostConfig };
  if (hardening !== undefined) {
    Object.assign(result, withoutPrivileges(hostConfig, hardening));
    if (hardening.pidsLimit > 0) result.PidsLimit = hardening.pidsLimit;
    const { readonlyRootfs } = hardening;
    // Go chaincode is one program that writes nothing; npm and the JVM want to write at their start.
    const readonly = readonlyRootfs === "always" ||
      (readonlyRootfs === "auto" && type === ChaincodeSpec_Type.GOLANG);
    if (readonly) result.ReadonlyRootfs = true;
  }
  if (result.ReadonlyRootfs !== true) return { hostConfig: result, volumes: undefined };
  // The engine puts files into a read-only container only where a volume is.
  return {
    hostConfig: { ...result, Tmpfs: { "/tmp": `rw,nosuid,nodev,size=${maxTmpBytes}` } },
    volumes: { [tlsDirectory]: {} },
  };
}

/** The HostConfig of a builder container. Fabric gives it its network, and no limit. */
export function builderHostConfig(
  hostConfig: Readonly<Record<string, unknown>>,
  hardening: ContainerHardening | undefined,
): Record<string, unknown> {
  if (hardening === undefined) return { ...hostConfig };
  const { builder } = hardening;
  const positive = {
    Memory: builder.memory,
    PidsLimit: builder.pidsLimit,
    CpuShares: builder.cpuShares,
  };
  return {
    ...hostConfig,
    ...withoutPrivileges(hostConfig, hardening),
    ...(hardening.capDrop.length > 0 && builder.capAdd.length > 0
      ? { CapAdd: [...builder.capAdd] }
      : {}),
    ...Object.fromEntries(Object.entries(positive).filter(([, value]) => value > 0)),
  };
}

function withoutPrivileges(
  { SecurityOpt, CapDrop }: Readonly<Record<string, unknown>>,
  { noNewPrivileges, capDrop }: ContainerHardening,
): Record<string, unknown> {
  const options = stringsOf(SecurityOpt);
  const said = options.some((option) => option.startsWith("no-new-privileges"));
  return {
    ...(noNewPrivileges && !said ? { SecurityOpt: [...options, "no-new-privileges"] } : {}),
    ...(CapDrop === undefined && capDrop.length > 0 ? { CapDrop: [...capDrop] } : {}),
  };
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
