/** Environment of child processes: an allow-list, so that the peer's secrets stay with the peer. */

/** What every program may know. */
const common = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"];

/** What package managers and compilers need besides: homes of caches, proxies, roots of trust. */
const building = [
  "HOME",
  "TMPDIR",
  "USER",
  "XDG_CACHE_HOME",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "DENO_DIR",
  "NPM_CONFIG_REGISTRY",
  "npm_config_registry",
  "NPM_CONFIG_CACHE",
  "npm_config_cache",
  "GOROOT",
  "GOPATH",
  "GOCACHE",
  "GOMODCACHE",
  "GOPROXY",
  "GOPRIVATE",
  "GONOPROXY",
  "GONOSUMDB",
  "GOSUMDB",
  "GOINSECURE",
  "GOTOOLCHAIN",
  "CC",
  "CGO_ENABLED",
  "JAVA_HOME",
  "MAVEN_OPTS",
  "MAVEN_ARGS",
  "GRADLE_OPTS",
  "GRADLE_USER_HOME",
];

export type Environment = Readonly<Record<string, string>>;

function pick(names: readonly string[], from: Environment): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) if (from[name] !== undefined) picked[name] = from[name];
  return picked;
}

/** Of the peer's environment, what a running chaincode gets. */
export function runEnvironment(peer: Environment): Record<string, string> {
  return pick(common, peer);
}

/** Of the peer's environment, what a build gets. */
export function buildEnvironment(peer: Environment): Record<string, string> {
  return pick([...common, ...building], peer);
}
