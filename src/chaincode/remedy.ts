/** The likely remedy of a failed build or launch, read from what was written before it failed. Pure. */

interface Remedy {
  readonly pattern: RegExp;
  readonly advice: (match: RegExpExecArray) => string;
}

/** Characters of output that are looked through, from its end. */
export const maxSearchedCharacters = 64 * 1024;

const repackage = "package it again under a new version";

/** A pull's failure: the image, and the rest of the line. */
const pull = (reason: RegExp) =>
  new RegExp(`Failed to pull (\\S+): [^\n]*(?:${reason.source})`, "i");

/** What stopped a build in its container: anything after the words with which such errors begin. */
const build = (reason: RegExp) => new RegExp(`could not build chaincode [^]*(?:${reason.source})`);

/** The first that matches counts: what is specific stands before what is general. */
const remedies: readonly Remedy[] = [
  {
    pattern: pull(/pull access denied|may require 'docker login'/),
    advice: ([, image]) =>
      `The registry has no image ${image}, or shows it only to those who log in: correct chaincode.builder or chaincode.*.runtime in core.yaml, or run 'docker login' as the user that runs the peer.`,
  },
  {
    pattern: pull(
      /no basic auth credentials|unauthorized|authentication required|denied|incorrect username/,
    ),
    advice: ([, image]) =>
      `The registry of ${image} does not take these credentials, or wants some: run 'docker login' for it as the user that runs the peer, or correct auths, credHelpers or credsStore in Docker's config.json (DOCKER_CONFIG).`,
  },
  {
    pattern: pull(/manifest unknown|name unknown|not found|no such image/),
    advice: ([, image]) =>
      `The registry has no image ${image}: correct chaincode.builder or chaincode.*.runtime in core.yaml.`,
  },
  {
    pattern: pull(/x509: |certificate|server gave HTTP response to HTTPS client/),
    advice: ([, image]) =>
      `The engine and the registry of ${image} do not agree about TLS: the engine must trust the registry's CA (/etc/docker/certs.d/REGISTRY/ca.crt on the engine's machine), or list the registry under insecure-registries.`,
  },
  {
    pattern: pull(
      /connection refused|no such host|i\/o timeout|deadline exceeded|no route to host|network is unreachable|TLS handshake timeout|server misbehaving|EOF/,
    ),
    advice: ([, image]) =>
      `The engine does not reach the registry of ${image}: check that it runs, and the engine's network and proxy; or give the engine the image (docker load).`,
  },
  {
    pattern: /no space left on device|ENOSPC/i,
    advice: () =>
      "The disk is full: make room (denim chaincode prune, docker system prune) and try again.",
  },
  {
    pattern: /the Docker engine does not answer any more/,
    advice: () =>
      "See whether the Docker engine runs, or runs again, and repeat the command: it starts anew.",
  },
  {
    pattern: build(
      /x509: |SELF_SIGNED_CERT|unable to get (?:local )?issuer certificate|unable to verify the first certificate|self.signed certificate/,
    ),
    advice: () =>
      "The build does not trust a registry's certificate: set chaincode.build.ca.file to the PEM file of its CA.",
  },
  {
    pattern: build(/ECONNREFUSED|connection refused/),
    advice: () =>
      "The build could not reach its registry of packages: check that it runs, its address and the proxy settings (HTTPS_PROXY, NO_PROXY), or package the dependencies with the chaincode.",
  },
  {
    pattern: /exec format error/i,
    advice: () =>
      "It is built for another processor: the builder image, the runtime image and the machine must be of one architecture.",
  },
  {
    pattern: /GLIBC_[\d.]+' not found|error while loading shared libraries: ([^:\s]+)/,
    advice: () =>
      "The runtime image lacks a library that it was linked with: use builder and runtime images that fit, or link without a C library (CGO_ENABLED=0).",
  },
  {
    pattern: /missing script:? "?start"?/i,
    advice: () =>
      `package.json has no "start" script: add one that starts the chaincode, and ${repackage}.`,
  },
  {
    pattern: /JavaScript (?:heap )?out of memory|OutOfMemoryError|fatal error: out of memory/i,
    advice: () =>
      "It ran out of memory: raise its limit (vm.docker.hostConfig.Memory, or chaincode.process.memory for processes; and the heap limit of its own runtime), or make it need less.",
  },
  {
    pattern: /missing go\.sum entry|updates to go\.(mod|sum) needed/,
    advice: () => `Run 'go mod tidy' in the chaincode's directory, and ${repackage}.`,
  },
  {
    pattern:
      /no required module provides package ([^\s;:]+)|cannot find package "([^"]+)"|cannot find module providing package ([^\s;:]+)|package ([^\s:]+) is not in (?:GOROOT|std)/,
    advice: (match) =>
      `The Go package ${
        match.slice(1).find((name) => name !== undefined)
      } is not in the chaincode package: vendor it (go mod vendor) or add it to go.mod, and ${repackage}.`,
  },
  {
    pattern: /npm (?:ERR!|error) (?:code )?(?:E404|404)|404 Not Found - GET \S*\/([^\s/]+)/,
    advice: () =>
      `npm's registry does not have a dependency: check its name and version in package.json, and the registry that the build uses.`,
  },
  {
    pattern: /PKIX path building failed/,
    advice: () =>
      "Java does not trust the certificate of a repository or proxy: name its root in chaincode.build.ca.file (for processes: import it into the JDK with keytool).",
  },
  {
    pattern: /Could not (?:find artifact|resolve dependencies|transfer artifact)|Could not GET '/,
    advice: () =>
      "Maven or Gradle could not get a dependency, named above: check its name and version in pom.xml or build.gradle, and that the build reaches the repository.",
  },
  {
    pattern:
      /invalid (?:target|source) release: (\S+)|release version (\S+) not supported|UnsupportedClassVersionError/,
    advice: () =>
      "It wants a newer Java than builds or runs it: lower the release in pom.xml or build.gradle, or use another chaincode.java.runtime image (or, for processes, another JDK).",
  },
  {
    pattern: /No compiler is provided in this environment/,
    advice: () =>
      "Maven found a Java that cannot compile: install a JDK, or let JAVA_HOME name one.",
  },
  {
    pattern: /no main manifest attribute|Could not find or load main class/,
    advice: () =>
      `The jar does not name its main class: set it in the manifest (mainClass in pom.xml or build.gradle), and ${repackage}.`,
  },
  {
    pattern: /NoClassDefFoundError|ClassNotFoundException|NoSuchMethodError/,
    advice: () =>
      `The jar lacks a class, or has it in a version that does not fit: chaincode.jar must hold all dependencies (maven-shade-plugin, or Gradle's shadowJar), and ${repackage}.`,
  },
  {
    pattern:
      /(?:ENOTFOUND|EAI_AGAIN|ENETUNREACH|ETIMEDOUT)|could not resolve host|no such host|dial tcp .*: i\/o timeout|Temporary failure in name resolution/i,
    advice: () =>
      "The build or chaincode could not reach a host by its name: check network, proxy (HTTPS_PROXY) and registry settings, or package the dependencies with the chaincode.",
  },
  {
    pattern:
      /(?:ERR_MODULE_NOT_FOUND\]: )?Cannot find (?:module|package) '([^']+)'|ERR_MODULE_NOT_FOUND|Module not found "([^"]+)"|Relative import path "([^"]+)" not prefixed/,
    advice: (match) => {
      const name = match.slice(1).find((part) => part !== undefined);
      return `The module ${
        name ?? "it imports"
      } is missing: list it in package.json's dependencies (or correct the path), and ${repackage}.`;
    },
  },
  {
    pattern: /EADDRINUSE|address already in use/i,
    advice: () =>
      "A port it wants to listen on is taken: let it choose a free one, or end the other program.",
  },
  {
    pattern: /NotCapable: Requires (\w+) access/,
    advice: (match) =>
      `Under Deno, chaincode may use its own directory and the peer's address only, not ${
        match[1]
      } access beyond that: run it in Docker, or do without.`,
  },
  {
    pattern:
      /x509: |certificate signed by unknown authority|unable to verify the first certificate|self.signed certificate|authentication handshake failed|wrong version number|first record does not look like a TLS handshake|tls: /i,
    advice: () =>
      "It and the peer do not agree about TLS: it must use the certificates of CORE_TLS_CLIENT_*_PATH and CORE_PEER_TLS_ROOTCERT_FILE, and TLS only where CORE_PEER_TLS_ENABLED is true.",
  },
  {
    pattern:
      /ECONNREFUSED|connection refused|UNAVAILABLE|failed to connect to all addresses|error (?:trying to connect|creating grpc client)/i,
    advice: () =>
      "It could not reach the peer: it must dial the address of its -peer.address or --peer.address argument; containers reach it only if peer.chaincodeAddress is an address of this host.",
  },
  {
    pattern: /EACCES|permission denied/i,
    advice: () =>
      "Something it needs may not be read, written or executed: check the modes of the packaged files and where it writes.",
  },
  {
    pattern: /SyntaxError|error TS\d+|ParseError/,
    advice: () => `The source has a syntax error, shown above: correct it, and ${repackage}.`,
  },
  {
    pattern: /^\s*(?:\S+\.go:\d+:\d+: |# \S+$)/m,
    advice: () => `The Go source does not compile, as shown above: correct it, and ${repackage}.`,
  },
  {
    pattern: /COMPILATION ERROR|\.java:(?:\[\d+,\d+\]|\d+: error:)/,
    advice: () => `The Java source does not compile, as shown above: correct it, and ${repackage}.`,
  },
  {
    pattern: /No such image/i,
    advice: () =>
      "An image is missing: set chaincode.builder and chaincode.*.runtime in core.yaml to images that the engine has or can pull.",
  },
  {
    pattern: /^\s*panic: /m,
    advice: () => "It panicked: the lines after 'panic:' name the place in its source.",
  },
  {
    pattern: /^Exception in thread "main" /m,
    advice: () =>
      "It threw at its start: the lines after 'Exception' name the place in its source.",
  },
];

const byExitCode: Readonly<Record<number, string>> = {
  0: "Its main function returned: it must start the shim (shim.Start, Shim.start, ChaincodeBase.start) and wait.",
  126: "Make its start command executable and built for this machine.",
  127: "Its start command was not found: check the start script and the runtime image.",
  137:
    "Most often it ran out of memory: raise its limit (vm.docker.hostConfig.Memory, chaincode.process.memory), or make it need less.",
  139: "It crashed in native code: check native modules and the image they were built for.",
};

/** What was seen when it failed. */
export interface FailureSigns {
  readonly message: string;
  readonly output: readonly string[];
  readonly exitCode?: number;
}

/** One sentence of advice, or undefined when nothing is recognised. */
export function likelyRemedy({ message, output, exitCode }: FailureSigns): string | undefined {
  const text = `${message}\n${output.join("\n")}`.slice(-maxSearchedCharacters);
  for (const { pattern, advice } of remedies) {
    const match = pattern.exec(text);
    if (match !== null) return advice(match);
  }
  return exitCode === undefined ? undefined : byExitCode[exitCode];
}
