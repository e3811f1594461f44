/** The part of dockerode that is used here; the package brings no types. */
import type { Agent } from "node:http";
import type { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import type { RegistryCredentials } from "./docker-config.ts";
import type { EngineVersion } from "./engine-traits.ts";

interface WithSignal {
  readonly abortSignal?: AbortSignal;
}

export interface DockerodeContainer {
  readonly id: string;
  start(options?: WithSignal): Promise<unknown>;
  remove(options: { force?: boolean; v?: boolean } & WithSignal): Promise<unknown>;
  wait(options?: WithSignal): Promise<{ StatusCode: number }>;
  inspect(options?: WithSignal): Promise<{
    State: { Running?: boolean; OOMKilled?: boolean; ExitCode?: number; Error?: string };
    Config: { Labels?: Record<string, string> | null };
    HostConfig?: Readonly<Record<string, unknown>>;
  }>;
  logs(
    options: { follow: true; stdout: boolean; stderr: boolean } & WithSignal,
  ): Promise<Readable>;
  /** Takes its archive whole: a broken connection is not noticed while a stream is sent. */
  putArchive(archive: Buffer, options: { path: string } & WithSignal): Promise<unknown>;
  getArchive(options: { path: string } & WithSignal): Promise<Readable>;
}

export interface Dockerode {
  ping(options?: WithSignal): Promise<unknown>;
  version(options?: WithSignal): Promise<
    EngineVersion & { ApiVersion: string; MinAPIVersion?: string }
  >;
  createContainer(
    options: Record<string, unknown> & { name?: string } & WithSignal,
  ): Promise<DockerodeContainer>;
  getContainer(idOrName: string): DockerodeContainer;
  listContainers(
    options: { all: boolean; filters: string } & WithSignal,
  ): Promise<{ Id: string; Names: string[]; Created: number; State: string }[]>;
  getImage(name: string): {
    inspect(options?: WithSignal): Promise<{
      Id: string;
      Config: { Labels?: Record<string, string> | null };
      RootFS?: { Layers: string[] };
    }>;
    /** Takes no options, not even a signal. */
    history(): Promise<{ Id: string; Size: number; Tags: string[] | null }[]>;
    remove(options?: { force?: boolean } & WithSignal): Promise<unknown>;
  };
  listImages(options: { filters: string } & WithSignal): Promise<
    { Id: string; RepoTags?: string[] | null; Labels?: Record<string, string> | null }[]
  >;
  pull(
    name: string,
    options: { authconfig?: RegistryCredentials } & WithSignal,
  ): Promise<Readable>;
  buildImage(
    context: Buffer,
    options: { t: string; forcerm?: boolean } & WithSignal,
  ): Promise<Readable>;
}

export interface DockerodeOptions {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: string | number;
  readonly protocol?: "http" | "https";
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly version?: string;
  readonly agent?: Agent;
}
