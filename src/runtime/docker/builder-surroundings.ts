/**
 * What a builder container gets besides the package: caches that are kept between builds, the way
 * through proxies, certificates of registries. Fabric gives it none of these.
 */
import { existsSync, readFileSync } from "node:fs";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { Environment } from "./docker-config.ts";
import { beforeJavaBuild, javaOptions, javaOptionsVariable } from "./java-builder.ts";
import { javaTrustStore } from "./java-trust-store.ts";

/** Where the cache volume is mounted in builder containers. */
const cachePlace = "/denim-cache";
const certificatePlace = "/denim-certificates";
/** Where images of every kind of Linux have single certificates, if they have them. */
const imageCertificates = "/etc/ssl/certs";

export interface BuilderSurroundings {
  /** `NAME=value`. */
  readonly environment: readonly string[];
  /** Shell commands that run before the build's own. */
  readonly before: string;
  /** Volumes, as HostConfig.Binds has them. */
  readonly binds: readonly string[];
  /** Files for the root of the container. */
  readonly files: readonly { readonly name: string; readonly content: Uint8Array }[];
}

export interface SurroundingsOptions {
  readonly type: ChaincodeSpec_Type;
  /** Keep caches in the engine, one volume a language; `denim-cache-golang` and so on. */
  readonly cache: boolean;
  readonly environment: Environment;
  /** `proxies.default` of Docker's config.json. */
  readonly proxies: Readonly<Record<string, string>>;
  /** PEM file with further roots of trust; "" for those that the environment names. */
  readonly caFile: string;
}

const caches: Readonly<Partial<Record<ChaincodeSpec_Type, Readonly<Record<string, string>>>>> = {
  [ChaincodeSpec_Type.GOLANG]: {
    GOCACHE: `${cachePlace}/build`,
    GOMODCACHE: `${cachePlace}/modules`,
  },
  [ChaincodeSpec_Type.NODE]: {
    npm_config_cache: `${cachePlace}/npm`,
    npm_config_prefer_offline: "true",
  },
  [ChaincodeSpec_Type.JAVA]: {}, // In `before`, because the image has a say in it.
};

/** A build asks its registry for packages and nothing else; without a network each question takes long. */
const quiet: typeof caches = {
  [ChaincodeSpec_Type.NODE]: {
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  },
};

const proxyVariables = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"];

/** Of the machine's settings what a build in a container needs. Unreadable files are left out. */
export function builderSurroundings(options: SurroundingsOptions): BuilderSurroundings {
  const { type, environment } = options;
  const variables: Record<string, string> = { ...quiet[type] };
  const binds: string[] = [];
  const cache = options.cache ? caches[type] : undefined;
  if (cache !== undefined) {
    Object.assign(variables, cache);
    binds.push(`denim-cache-${ChaincodeSpec_Type[type].toLowerCase()}:${cachePlace}`);
  }
  for (const name of proxyVariables) {
    const lower = name.toLowerCase();
    const value = options.proxies[name] ?? environment[name] ?? environment[lower];
    // Programs differ in which spelling they read.
    if (value) variables[name] = variables[lower] = value;
  }
  const files: { name: string; content: Uint8Array }[] = [];
  const additional = readPem(options.caFile || environment.NODE_EXTRA_CA_CERTS);
  if (additional !== undefined) {
    const path = `${certificatePlace}/additional.pem`;
    files.push({ name: path.slice(1), content: additional });
    variables.NODE_EXTRA_CA_CERTS = path;
    // Go reads every file of these directories beside the image's bundle.
    variables.SSL_CERT_DIR = `${certificatePlace}:${imageCertificates}`;
  }
  // Unlike the additional ones these replace the roots of the image, so they must be a whole bundle.
  const bundle = readPem(environment.SSL_CERT_FILE);
  if (bundle !== undefined) {
    const path = `${certificatePlace}/bundle.pem`;
    files.push({ name: path.slice(1), content: bundle });
    variables.SSL_CERT_FILE = path;
    variables.GIT_SSL_CAINFO = path;
  }
  let before = "";
  if (type === ChaincodeSpec_Type.JAVA) {
    const content = javaTrustStore(...files.map((file) => file.content));
    const trustStore = content && `${certificatePlace}/roots.jks`;
    if (content && trustStore) files.push({ name: trustStore.slice(1), content });
    variables[javaOptionsVariable] = javaOptions(variables, bundle && trustStore);
    before = beforeJavaBuild({
      cache: options.cache ? cachePlace : undefined,
      additionalRoots: bundle === undefined ? trustStore : undefined,
    });
  }
  return {
    before,
    environment: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    binds,
    files,
  };
}

function readPem(path: string | undefined): Uint8Array | undefined {
  if (!path || !existsSync(path)) return undefined;
  try {
    return new Uint8Array(readFileSync(path));
  } catch {
    return undefined;
  }
}
