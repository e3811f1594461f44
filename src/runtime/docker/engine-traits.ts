/** What kind of engine answers, where that makes a difference to containers. Pure. */

/** The answer to `GET /version`, as far as it is read here. */
export interface EngineVersion {
  readonly Version: string;
  readonly Components?:
    | readonly {
      readonly Name?: string;
      readonly Details?: Readonly<Record<string, string>> | null;
    }[]
    | null;
}

export interface EngineTraits {
  /** As people know it, `Docker 28.5.2` or `Podman 4.3.1`. */
  readonly title: string;
  /** The host's name in containers that have a network of their own. */
  readonly hostName: string;
  /** What `hostName` is to be told as in HostConfig.ExtraHosts; undefined where the engine sees to it. */
  readonly hostEntry: string | undefined;
  /**
   * The network of rootless Docker, `slirp4netns` for example: its `host` network is that one, and
   * not the machine's. Undefined where the host's network is the machine's.
   */
  readonly ownNetwork: string | undefined;
}

/** Engines since 20.10 know the host's address as `host-gateway`; Podman does only since 4.7. */
export function engineTraits({ Version, Components }: EngineVersion): EngineTraits {
  const component = (name: RegExp) => Components?.find(({ Name }) => name.test(Name ?? ""));
  if (component(/^podman/i) !== undefined) {
    return {
      title: `Podman ${Version}`,
      hostName: "host.containers.internal",
      hostEntry: undefined,
      ownNetwork: undefined,
    };
  }
  const rootless = component(/^rootlesskit$/i);
  const driver = rootless?.Details?.NetworkDriver ?? rootless?.Details?.networkDriver;
  const hostName = "host.docker.internal";
  return {
    title: `Docker ${Version}`,
    hostName,
    hostEntry: `${hostName}:host-gateway`,
    ownNetwork: driver === "host" ? undefined : driver,
  };
}

/** Names of the host in containers, of all engines: the peer's certificate has them. */
export const hostNamesInContainers = ["host.docker.internal", "host.containers.internal"] as const;
