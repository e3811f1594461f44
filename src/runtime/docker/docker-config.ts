/** The Docker command line's own settings (~/.docker), as far as an engine's clients share them. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DenimError, messageOf } from "../../base/errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** config.json, whatever in it has the right shape. */
export interface DockerConfig {
  readonly directory: string;
  readonly currentContext: string | undefined;
  readonly credsStore: string | undefined;
  readonly credHelpers: Readonly<Record<string, string>>;
  readonly auths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** `proxies.default`, names as environment variables have them (HTTP_PROXY, …). */
  readonly proxies: Readonly<Record<string, string>>;
}

/** Where Docker's clients keep their settings; undefined without a home. */
function configDirectory(environment: Environment): string | undefined {
  if (environment.DOCKER_CONFIG) return environment.DOCKER_CONFIG;
  return environment.HOME ? join(environment.HOME, ".docker") : undefined;
}

/** Reads config.json; a missing or damaged one counts as empty. */
export function readDockerConfig(environment: Environment): DockerConfig {
  const directory = configDirectory(environment) ?? "";
  const config = directory === "" ? {} : jsonObject(join(directory, "config.json")) ?? {};
  const proxies = objectOf(objectOf(config.proxies)?.default) ?? {};
  const names: readonly (readonly [string, string])[] = [
    ["httpProxy", "HTTP_PROXY"],
    ["httpsProxy", "HTTPS_PROXY"],
    ["noProxy", "NO_PROXY"],
    ["ftpProxy", "FTP_PROXY"],
    ["allProxy", "ALL_PROXY"],
  ];
  return {
    directory,
    currentContext: textOf(config.currentContext),
    credsStore: textOf(config.credsStore),
    credHelpers: texts(config.credHelpers),
    auths: Object.fromEntries(
      Object.entries(objectOf(config.auths) ?? {}).flatMap(([registry, entry]) => {
        const auth = objectOf(entry);
        return auth === undefined ? [] : [[registry, auth]];
      }),
    ),
    proxies: Object.fromEntries(
      names.flatMap(([setting, variable]) => {
        const value = textOf(proxies[setting]);
        return value === undefined ? [] : [[variable, value]];
      }),
    ),
  };
}

/** TLS files of an engine's client; all of them PEM files. */
export interface EngineTlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** An engine of `docker context`. */
export interface DockerContext {
  readonly endpoint: string;
  readonly tls: EngineTlsFiles | undefined;
}

/** @throws DenimError `unknown-docker-context` */
export function readContext(name: string, directory: string): DockerContext {
  const id = createHash("sha256").update(name).digest("hex");
  const path = join(directory, "contexts", "meta", id, "meta.json");
  const docker = objectOf(objectOf(jsonObject(path)?.Endpoints)?.docker);
  const endpoint = textOf(docker?.Host);
  if (endpoint === undefined) {
    throw new DenimError(
      "unknown-docker-context",
      `Docker context "${name}" is not in ${path}`,
      { name, path },
      "Choose another with `docker context use`, or set vm.endpoint.",
    );
  }
  const place = join(directory, "contexts", "tls", id, "docker");
  const tls = tlsFilesIn(place);
  return { endpoint, tls };
}

/** ca.pem, cert.pem and key.pem of a directory, where they are there. */
export function tlsFilesIn(directory: string): EngineTlsFiles | undefined {
  const files = {
    caFile: join(directory, "ca.pem"),
    certFile: join(directory, "cert.pem"),
    keyFile: join(directory, "key.pem"),
  };
  return Object.values(files).every((file) => existsSync(file)) ? files : undefined;
}

/** What a registry wants to know about who pulls, as the engine takes it. */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

/** Runs `docker-credential-<helper> get`: server on stdin, JSON on stdout. */
export type CredentialHelper = (helper: string, server: string) => Promise<string>;

/** Docker Hub under the name that config.json uses. */
const hubServer = "https://index.docker.io/v1/";

/** The registry of an image name; Docker Hub where none is named. */
export function registryOf(image: string): string {
  const [first, ...rest] = image.split("/");
  const named = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return named ? first : "docker.io";
}

/**
 * Credentials for the registry of an image, or undefined where there are none.
 * @throws DenimError `registry-credentials` where a configured helper fails
 */
export async function credentialsFor(
  image: string,
  config: DockerConfig,
  askHelper: CredentialHelper,
): Promise<RegistryCredentials | undefined> {
  const registry = registryOf(image);
  const servers = registry === "docker.io"
    ? [hubServer, "docker.io", "index.docker.io"]
    : [registry, `https://${registry}`, `https://${registry}/v1/`, `https://${registry}/v2/`];
  const helper = servers.map((server) => config.credHelpers[server]).find((name) => name) ??
    config.credsStore;
  if (helper !== undefined) {
    const answer = await fromHelper(helper, servers[0], askHelper);
    if (answer !== undefined) return answer;
  }
  for (const server of servers) {
    const auth = config.auths[server];
    if (auth === undefined) continue;
    const identitytoken = textOf(auth.identitytoken);
    if (identitytoken !== undefined) return { identitytoken, serveraddress: server };
    const decoded = decodeBasic(textOf(auth.auth));
    const username = textOf(auth.username) ?? decoded?.username;
    const password = textOf(auth.password) ?? decoded?.password;
    if (username !== undefined && password !== undefined) {
      return { username, password, serveraddress: server };
    }
  }
  return undefined;
}

async function fromHelper(
  helper: string,
  server: string,
  askHelper: CredentialHelper,
): Promise<RegistryCredentials | undefined> {
  let answer: Record<string, unknown> | undefined;
  try {
    answer = objectOf(JSON.parse(await askHelper(helper, server)));
  } catch (error) {
    // Helpers say this where they know the server not; public images need no credentials.
    if (/credentials not found/i.test(messageOf(error))) return undefined;
    throw new DenimError(
      "registry-credentials",
      `docker-credential-${helper} gave no credentials for ${server}: ${messageOf(error)}`,
      { helper, server },
      `Log in with \`docker login ${
        registryOf(`${server}/x`)
      }\`, or correct ~/.docker/config.json.`,
      { cause: error },
    );
  }
  const username = textOf(answer?.Username);
  const secret = textOf(answer?.Secret);
  if (username === undefined || secret === undefined) return undefined;
  return username === "<token>"
    ? { identitytoken: secret, serveraddress: server }
    : { username, password: secret, serveraddress: server };
}

function decodeBasic(auth: string | undefined) {
  if (auth === undefined) return undefined;
  const decoded = Buffer.from(auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) return undefined;
  return {
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1).replace(/\0+$/, ""),
  };
}

function jsonObject(path: string): Record<string, unknown> | undefined {
  try {
    return objectOf(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function texts(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(objectOf(value) ?? {}).filter((entry): entry is [string, string] =>
      typeof entry[1] === "string"
    ),
  );
}
