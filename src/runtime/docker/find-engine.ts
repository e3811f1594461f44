/**
 * Where the engine is: `vm.endpoint` where someone set it, else where Docker's own clients would look
 * (DOCKER_HOST, the current context), else the sockets that engines make: Docker's, rootless Docker's,
 * Docker Desktop's, Podman's.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { VmSettings } from "../../config/types.ts";
import {
  type EngineTlsFiles,
  type Environment,
  readContext,
  readDockerConfig,
  tlsFilesIn,
} from "./docker-config.ts";

/** A place to look for an engine. */
export interface EngineCandidate {
  readonly endpoint: string;
  /** For people: why we look there. */
  readonly origin: string;
  readonly tls: EngineTlsFiles | undefined;
}

/** The value of `vm.endpoint` that means: look for one. It is also what an unset one means. */
export const autoEndpoint = "auto";

/**
 * Places in the order in which they are tried. What the user named is alone in the list; of the usual
 * sockets only those that exist, and Docker's own where none does, so that an error names a place.
 */
export function engineCandidates(
  vm: Pick<VmSettings, "endpoint" | "endpointIsDefault" | "docker">,
  environment: Environment,
  isThere: (path: string) => boolean = existsSync,
): EngineCandidate[] {
  const named = (endpoint: string, origin: string, tls?: EngineTlsFiles): EngineCandidate[] => [
    { endpoint, origin, tls },
  ];
  const { tls } = vm.docker;
  if (vm.endpoint !== autoEndpoint && vm.endpointIsDefault !== true) {
    return named(vm.endpoint, "vm.endpoint", tls.enabled ? tls : undefined);
  }
  const config = readDockerConfig(environment);
  if (environment.DOCKER_HOST) {
    const verified = environment.DOCKER_TLS_VERIFY
      ? tlsFilesIn(environment.DOCKER_CERT_PATH || config.directory)
      : undefined;
    return named(environment.DOCKER_HOST, "DOCKER_HOST", verified);
  }
  const context = environment.DOCKER_CONTEXT || config.currentContext;
  if (context !== undefined && context !== "default") {
    const { endpoint, tls } = readContext(context, config.directory);
    return named(endpoint, `Docker context ${context}`, tls);
  }
  const home = environment.HOME ?? "/root";
  // Where nobody logged in, the variable is missing, and the engine of the user may still run.
  const runtime = environment.XDG_RUNTIME_DIR || userRuntimeDirectory();
  const sockets: readonly (readonly [path: string, origin: string])[] = [
    ["/var/run/docker.sock", "the default socket"],
    ...(runtime ? [[join(runtime, "docker.sock"), "rootless Docker"] as const] : []),
    [join(home, ".docker/run/docker.sock"), "Docker Desktop"],
    [join(home, ".docker/desktop/docker.sock"), "Docker Desktop"],
    ...(runtime ? [[join(runtime, "podman/podman.sock"), "rootless Podman"] as const] : []),
    ["/run/podman/podman.sock", "Podman"],
  ];
  const found = sockets.filter(([path]) => isThere(path));
  return (found.length === 0 ? sockets.slice(0, 1) : found)
    .map(([path, origin]) => ({ endpoint: `unix://${path}`, origin, tls: undefined }));
}

/** Where systemd has a user's sockets. */
function userRuntimeDirectory(): string | undefined {
  const uid = Deno.build.os === "linux" ? Deno.uid() : null;
  return uid === null ? undefined : `/run/user/${uid}`;
}
