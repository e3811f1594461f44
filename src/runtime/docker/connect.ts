/** The way to the engine. Mirrors NewDockerClient of core/container/util, and looks in more places. */
import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { inspect } from "node:util";
import { withDeadline } from "../../base/async.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { VmSettings } from "../../config/types.ts";
import type { EngineTlsFiles, Environment } from "./docker-config.ts";
import type { Dockerode, DockerodeOptions } from "./dockerode-types.ts";
import { unreachable } from "./engine-error.ts";
import { type EngineTraits, engineTraits } from "./engine-traits.ts";
import { settlingOnAbort } from "./settle-on-abort.ts";
import { type EngineCandidate, engineCandidates } from "./find-engine.ts";

/** An engine that runs answers a ping within this time. */
export const pingTimeoutMs = 5_000;

/** The first answer may take longer: Podman asks several programs for their versions. */
const versionTimeoutMs = 15_000;

/** The newest API whose answers we know; engines of 20.10 speak it, and those of today still do. */
const preferredApi = "1.41";

/** An idle connection to the engine is kept for so long. */
const agentOptions = { keepAlive: true, scheduling: "lifo", timeout: 5_000 } as const;

/**
 * The client library describes its agent, with every socket of it, in a debug message that it makes for
 * each request and throws away: that took most of the time of a launch.
 */
function indescribable<T extends object>(agent: T): T {
  return Object.defineProperty(agent, inspect.custom, { value: () => "[agent]" });
}

/** A client that speaks a version of the API which the engine accepts. */
export interface EngineConnection {
  readonly docker: Dockerode;
  readonly endpoint: string;
  readonly traits: EngineTraits;
  readonly apiVersion: string;
  /** Ends connections, idle ones that are kept for later too. */
  close(): void;
}

/**
 * Connects to the first engine that answers.
 * @throws DenimError `docker-unreachable` about the first place, `invalid-endpoint`, `bad-tls-material`
 */
export async function connectEngine(
  settings: Pick<VmSettings, "endpoint" | "endpointIsDefault" | "docker">,
  environment: Environment = {},
): Promise<EngineConnection> {
  if (settings.endpoint === "") throw unreachable("", new Error("Docker is switched off"));
  let firstError: unknown;
  for (const candidate of engineCandidates(settings, environment)) {
    try {
      return await connectTo(candidate);
    } catch (error) {
      firstError ??= error;
    }
  }
  throw firstError;
}

/**
 * Agrees on an API version first: an engine that dislikes the version of a request may close the
 * connection in the middle of an upload.
 */
async function connectTo(candidate: EngineCandidate): Promise<EngineConnection> {
  const { endpoint } = candidate;
  const options = clientOptions(candidate);
  const { default: Docker } = await import("dockerode");
  const agent = indescribable(
    options.protocol === "https" ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions),
  );
  const client = (more: DockerodeOptions): Dockerode =>
    settlingOnAbort(new Docker({ ...options, ...more, agent }));
  let version: Awaited<ReturnType<Dockerode["version"]>>;
  try {
    version = await withDeadline(
      client({}).version({ abortSignal: AbortSignal.timeout(versionTimeoutMs) }),
      versionTimeoutMs + 500,
      "version of the Docker engine",
    );
    if (typeof version.ApiVersion !== "string") throw new Error("this is no Docker engine");
  } catch (error) {
    agent.destroy();
    throw unreachable(endpoint, error);
  }
  const apiVersion = negotiate(version.ApiVersion, version.MinAPIVersion);
  return {
    docker: client({ version: `v${apiVersion}` }),
    endpoint,
    traits: engineTraits(version),
    apiVersion,
    close: () => agent.destroy(),
  };
}

/** The version to speak: ours where the engine accepts it, else the nearest it does. */
export function negotiate(newest: string, oldest: string | undefined): string {
  if (oldest !== undefined && compareVersions(preferredApi, oldest) < 0) return oldest;
  return compareVersions(newest, preferredApi) < 0 ? newest : preferredApi;
}

function compareVersions(a: string, b: string): number {
  const [aMajor, aMinor] = a.split(".").map(Number);
  const [bMajor, bMinor] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

/** dockerode's options for a place. @throws DenimError `invalid-endpoint`, `bad-tls-material` */
export function clientOptions(
  { endpoint, tls }: Pick<EngineCandidate, "endpoint" | "tls">,
): DockerodeOptions {
  if (endpoint.startsWith("unix://")) return { socketPath: endpoint.slice("unix://".length) };
  const match = /^(tcp|http|https):\/\/(\[[0-9a-fA-F:]+\]|[^:/\s]+)(?::(\d+))?\/?$/.exec(endpoint);
  if (match === null) {
    throw new DenimError(
      "invalid-endpoint",
      `this is not a Docker endpoint: ${endpoint}`,
      { endpoint },
      endpoint.startsWith("ssh://")
        ? "Engines behind ssh cannot be used directly: forward the socket with `ssh -L`, and set vm.endpoint."
        : "Use unix:///var/run/docker.sock, tcp://host:2375 or https://host:2376 (vm.endpoint).",
    );
  }
  const secure = tls !== undefined || match[1] === "https";
  const place = {
    host: match[2].replace(/^\[|\]$/g, ""),
    port: match[3] ?? (secure ? "2376" : "2375"),
  };
  if (!secure) return { ...place, protocol: "http" };
  return { ...place, protocol: "https", ...(tls === undefined ? {} : tlsMaterial(tls)) };
}

function tlsMaterial({ caFile, certFile, keyFile }: EngineTlsFiles) {
  return {
    ca: pemFile(caFile, "vm.docker.tls.ca.file"),
    cert: pemFile(certFile, "vm.docker.tls.cert.file"),
    key: pemFile(keyFile, "vm.docker.tls.key.file"),
  };
}

function pemFile(path: string, setting: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new DenimError(
      "bad-tls-material",
      `${setting}: ${messageOf(error)}`,
      { path },
      `Set ${setting} to a readable PEM file, or vm.docker.tls.enabled to false.`,
      { cause: error },
    );
  }
}
