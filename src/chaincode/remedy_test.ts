import assert from "node:assert/strict";
import { likelyRemedy } from "./remedy.ts";

const remedy = (...output: string[]) => likelyRemedy({ message: "it failed", output });

Deno.test("a pull that fails leads to the registry, not to the peer", () => {
  const pull = (engine: string) =>
    likelyRemedy({
      message: `could not build chaincode a:1: build: Failed to pull r:5000/x/b:1: ${engine}`,
      output: ["pulling r:5000/x/b:1"],
    });
  // As engines 20.10 to 29 and Podman say it.
  const cases: [RegExp, ...string[]][] = [
    [
      /docker login/,
      'Head "https://r:5000/v2/x/b/manifests/1": no basic auth credentials',
      "unauthorized: authentication required",
      "initializing source docker://r:5000/x/b:1: reading manifest 1: unauthorized: authentication required",
      "pull access denied for x/b, repository does not exist or may require 'docker login'",
    ],
    [
      /has no image r:5000\/x\/b:1: correct chaincode\.builder/,
      "manifest for r:5000/x/b:1 not found: manifest unknown: manifest unknown",
      "failed to resolve reference: r:5000/x/b:1: not found",
    ],
    [
      /must trust the registry's CA/,
      'Get "https://r:5000/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'Get "https://r:5000/v2/": http: server gave HTTP response to HTTPS client',
    ],
    [
      /does not reach the registry of r:5000\/x\/b:1/,
      'Get "https://r:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
      'Get "https://r:5000/v2/": dial tcp: lookup r on 10.0.0.1:53: no such host',
      'Get "https://r:5000/v2/": context deadline exceeded',
    ],
    [/disk is full/, "write /var/lib/docker/tmp/x: no space left on device"],
    [/Docker engine runs/, "the Docker engine does not answer any more: socket hang up"],
  ];
  for (const [expected, ...texts] of cases) {
    for (const text of texts) assert.match(pull(text) ?? "nothing", expected, text);
  }
});

Deno.test("a build that does not get at packages leads to proxies and certificates", () => {
  const build = (...output: string[]) =>
    likelyRemedy({
      message: "could not build chaincode a:1: the builder ended with exit code 1",
      output,
    });
  assert.match(
    build("npm error code SELF_SIGNED_CERT_IN_CHAIN") ?? "",
    /chaincode\.build\.ca\.file/,
  );
  assert.match(
    build("npm error code UNABLE_TO_GET_ISSUER", "unable to get local issuer certificate") ?? "",
    /chaincode\.build\.ca\.file/,
  );
  assert.match(
    build('Get "https://p/x": tls: failed to verify certificate: x509: unknown') ?? "",
    /chaincode\.build\.ca\.file/,
  );
  assert.match(build("npm error connect ECONNREFUSED 127.0.0.1:8080") ?? "", /HTTPS_PROXY/);
});

Deno.test("what programs say when they fail leads to what to do", () => {
  const cases: [RegExp, ...string[]][] = [
    [/module left-pad is missing/, "Error: Cannot find module 'left-pad'", "Require stack:"],
    [/module dayjs is missing/, `error: Relative import path "dayjs" not prefixed with / or ./`],
    [/module x is missing/, "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from"],
    [/port it wants to listen on/, "Error: listen EADDRINUSE: address already in use :::9999"],
    [/modes of the packaged files/, "sh: ./start.sh: Permission denied"],
    [
      /ran out of memory/,
      "# Fatal JavaScript out of memory: Reached heap limit",
    ],
    [
      /ran out of memory/,
      "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    ],
    [/registry does not have/, "npm ERR! code E404", "npm ERR! 404 Not Found - GET https://r/nope"],
    [/registry does not have/, "npm error code E404"],
    [/could not reach a host/, "npm error code ENOTFOUND"],
    [
      /could not reach a host/,
      "go: github.com/x/y: dial tcp: lookup proxy.golang.org: no such host",
    ],
    [
      /package ex\.org\/words is not in/,
      "main.go:5:2: no required module provides package ex.org/words; to add it:",
    ],
    [/package ex\.org\/w is not in/, 'main.go:5:2: cannot find package "ex.org/w" in any of:'],
    [/go mod tidy/, "main.go:4:2: missing go.sum entry for module providing package x"],
    [/does not compile/, "# ex.org/cc", "./main.go:10:2: undefined: foo"],
    [/syntax error/, "SyntaxError: Unexpected token '}'"],
    [
      /another processor/,
      "standard_init_linux.go:228: exec user process caused: exec format error",
    ],
    [/no "start" script/, 'npm ERR! Missing script: "start"'],
    [/no "start" script/, "npm ERR! missing script: start"],
    [
      /do not agree about TLS/,
      "Error: 14 UNAVAILABLE: x509: certificate signed by unknown authority",
    ],
    [/could not reach the peer/, "Error: 14 UNAVAILABLE: No connection established"],
    [/could not reach the peer/, "connect ECONNREFUSED 127.0.0.1:7052"],
    [/disk is full/, "write /tmp/x: no space left on device"],
    [/may use its own directory/, 'NotCapable: Requires net access to "example.org:443"'],
    [/library/, "./chaincode: /lib/libc.so.6: version `GLIBC_2.34' not found"],
    [/It panicked/, "panic: runtime error: index out of range"],
    [/It threw at its start/, 'Exception in thread "main" java.lang.IllegalStateException: no'],
    [/ran out of memory/, "Terminating due to java.lang.OutOfMemoryError: Java heap space"],
    [
      /could not get a dependency/,
      "[ERROR] Failed to execute goal on project cc: Could not resolve dependencies for project",
    ],
    [
      /chaincode\.build\.ca\.file/,
      "Could not transfer artifact x:y:pom: PKIX path building failed: unable to find valid certification path",
    ],
    [/could not get a dependency/, "   > Could not GET 'https://repo.example.org/x.pom'."],
    [/newer Java/, "error: release version 21 not supported"],
    [/newer Java/, "[ERROR] Fatal error compiling: error: invalid target release: 21"],
    [
      /newer Java/,
      "Error: LinkageError occurred while loading main class X",
      "\tjava.lang.UnsupportedClassVersionError: X has been compiled by a more recent version",
    ],
    [
      /install a JDK/,
      "[ERROR] No compiler is provided in this environment. Perhaps you are running",
    ],
    [/does not name its main class/, "no main manifest attribute, in /root/chaincode.jar"],
    [/lacks a class/, 'Exception in thread "main" java.lang.NoClassDefFoundError: org/x/Y'],
    [
      /Java source does not compile/,
      "[ERROR] /build/src/src/main/java/org/x/Y.java:[10,5] cannot find symbol",
    ],
    [/Java source does not compile/, "Y.java:10: error: ';' expected"],
  ];
  for (const [expected, ...output] of cases) assert.match(remedy(...output) ?? "", expected);
});

Deno.test("where nothing is recognised the exit code speaks, or nobody", () => {
  assert.equal(remedy("hello"), undefined);
  const code = (exitCode: number) => likelyRemedy({ message: "", output: [], exitCode });
  assert.match(code(137) ?? "", /out of memory/);
  assert.match(code(0) ?? "", /start the shim/);
  assert.match(code(127) ?? "", /not found/);
  assert.equal(code(1), undefined);
});

Deno.test("huge output is looked through at its end only, and fast", () => {
  const noise = "a b:".repeat(2_000_000);
  const began = performance.now();
  assert.match(remedy(noise, "npm error code E404") ?? "", /registry/);
  assert(performance.now() - began < 10_000);
});
