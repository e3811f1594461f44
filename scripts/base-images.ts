/**
 * The base images that the Docker tests need, made of what this machine has, because tests reach no
 * image registry: root file systems are assembled from the host's programs and imported.
 *
 *     deno run -A scripts/base-images.ts [ENDPOINT]   # prints the core.yaml settings as CORE_* variables
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { checkEngine, engineRequest, imageLabel } from "./base-images/engine-api.ts";
import { addJava, ensureJava, javaKey } from "./base-images/java.ts";
import { Staging } from "./base-images/staging.ts";

/** Increase when what goes into the images changes. */
const revision = 1;
const revisionLabel = "denim.base-image";

/** Names of images, as core.yaml's `chaincode` section wants them; undefined = not on this machine. */
export interface BaseImages {
  /** chaincode.builder: Node, npm and Go, as far as the machine has them. */
  readonly builder: string;
  /** chaincode.node.runtime */
  readonly nodeRuntime: string | undefined;
  /** chaincode.golang.runtime; Go is linked without a C library, so it is nearly empty. */
  readonly golangRuntime: string | undefined;
  /** chaincode.java.runtime; as chaincode.builder it builds CAR too. */
  readonly javaRuntime: string | undefined;
}

const coreutils =
  "sh env cp mv rm ln ls cat mkdir rmdir chmod chown pwd echo printf test true false sleep uname id head tail tr sort wc cut touch readlink dirname basename date sed grep"
    .split(" ");

/** Makes the images that are not there yet. @throws Error with the step that failed */
export async function ensureBaseImages(
  endpoint: string,
  log: (message: string) => void,
): Promise<BaseImages> {
  const node = which("node");
  const npm = which("npm");
  const go = which("go") ??
    (existsSync("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : undefined);
  const hasNode = node !== undefined && npm !== undefined;
  const images = {
    node: "denim-nodeenv",
    builder: "denim-ccenv",
    golang: "denim-baseos",
    java: "denim-javaenv",
  };

  const base = await ensure(endpoint, images.node, [node, npm], log, (staging) => {
    common(staging);
    staging.programs(coreutils);
    if (hasNode) addNode(staging, node, npm);
    return [...nodeSettings(node), "WORKDIR /"];
  });
  let builder = { image: images.node, key: base };
  if (go !== undefined) {
    const version = output(go, "version");
    const key = await ensureOnTop(
      endpoint,
      images.builder,
      builder,
      version,
      log,
      (content) => addGo(content, go),
    );
    builder = { image: images.builder, key };
    await ensure(endpoint, images.golang, [], log, (staging) => {
      common(staging);
      return ["ENV PATH=/usr/local/bin:/usr/bin:/bin"];
    });
  }
  const java = await ensureJava(log);
  if (java !== undefined) {
    const fill = (content: Staging) => addJava(content, java, log);
    await ensureOnTop(endpoint, images.java, builder, javaKey(java), log, fill);
  }
  return {
    builder: builder.image,
    javaRuntime: java === undefined ? undefined : images.java,
    nodeRuntime: hasNode ? images.node : undefined,
    golangRuntime: go === undefined ? undefined : images.golang,
  };
}

/** Imports one image unless it is there. @returns its key */
async function ensure(
  endpoint: string,
  image: string,
  programs: readonly (string | undefined)[],
  log: (message: string) => void,
  fill: (staging: Staging) => string[],
): Promise<string> {
  const key = keyOf(image, programs);
  if (await imageLabel(endpoint, image, revisionLabel) === key) return key;
  log(`building the base image ${image}`);
  const directory = mkdtempSync(join(tmpdir(), "denim-image-"));
  try {
    const changes = [...fill(new Staging(directory)), `LABEL ${revisionLabel}=${key}`];
    const query = new URLSearchParams([["fromSrc", "-"], ["repo", image], ["tag", "latest"]]);
    for (const change of changes) query.append("changes", change);
    checkEngine(
      `import of ${image}`,
      await engineRequest(endpoint, "POST", `/images/create?${query}`, tar(directory)),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return key;
}

/** An image on top of another one, built unless it is there. @returns its key */
async function ensureOnTop(
  endpoint: string,
  image: string,
  from: { readonly image: string; readonly key: string },
  contents: string,
  log: (message: string) => void,
  fill: (staging: Staging) => string[],
): Promise<string> {
  const key = hashOf(image, from.key, contents);
  if (await imageLabel(endpoint, image, revisionLabel) === key) return key;
  log(`building the base image ${image}`);
  const directory = mkdtempSync(join(tmpdir(), "denim-image-"));
  try {
    const settings = fill(new Staging(join(directory, "root")));
    const lines = [
      `FROM ${from.image}`,
      "ADD root /",
      ...settings,
      `LABEL ${revisionLabel}=${key}`,
    ];
    new Staging(directory).file("Dockerfile", `${lines.join("\n")}\n`);
    checkEngine(
      `build of ${image}`,
      await engineRequest(endpoint, "POST", `/build?t=${image}&forcerm=1`, tar(directory)),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return key;
}

function addGo(content: Staging, go: string): string[] {
  const goroot = dirname(dirname(realpathSync(go)));
  const unneeded = /^(test|doc|api|misc)$|\/testdata$|_test\.go$/;
  content.add(goroot, (path) => unneeded.test(path.slice(goroot.length + 1)));
  content.directory("/opt/gopath/src");
  const passed = ["GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE"]
    .flatMap((name) => {
      const value = goEnvironment(go, name);
      return value === "" || value.includes("@") ? [] : [`ENV ${name}=${JSON.stringify(value)}`];
    });
  return [
    `ENV PATH=${goroot}/bin:$PATH GOPATH=/opt/gopath GO111MODULE=off GOTOOLCHAIN=local`,
    "ENV GOFLAGS=-buildvcs=false GOCACHE=/tmp/gocache HOME=/root",
    ...passed,
  ];
}

/** What every image needs: places, users, names, roots of trust. */
function common(staging: Staging): void {
  staging.directory("/tmp", 0o1777);
  for (
    const place of ["/chaincode/input", "/chaincode/output", "/usr/local/bin", "/usr/local/src"]
  ) {
    staging.directory(place);
  }
  staging.directory("/etc/hyperledger/fabric");
  staging.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  staging.file("/etc/group", "root:x:0:\n");
  staging.file("/etc/nsswitch.conf", "hosts: files dns\n");
  const roots = certificateFile();
  if (roots !== undefined) {
    staging.file("/etc/ssl/certs/ca-certificates.crt", readFileSync(roots, "utf8"));
  }
}

function certificateFile(): string | undefined {
  return [
    Deno.env.get("SSL_CERT_FILE"),
    Deno.env.get("NODE_EXTRA_CA_CERTS"),
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
  ].find((path) => path !== undefined && existsSync(path));
}

function addNode(staging: Staging, node: string, npm: string): void {
  staging.program(node);
  staging.add(npm);
  let directory = dirname(realpathSync(npm));
  while (basename(directory) !== "npm" && directory !== "/") directory = dirname(directory);
  if (directory !== "/") staging.add(directory, (path) => /\/npm\/(docs|man)$/.test(path));
  // How npm reaches its registry here; what could be a secret stays on the host.
  const settings = ["registry", "proxy", "https-proxy", "noproxy", "strict-ssl"].flatMap((name) => {
    const value = npmConfig(npm, name);
    return value === "" || value === "null" || value.includes("@") ? [] : [`${name}=${value}`];
  });
  staging.file(
    "/root/.npmrc",
    [...settings, "fund=false", "audit=false", "update-notifier=false", ""].join("\n"),
  );
}

function nodeSettings(node: string | undefined): string[] {
  const places = new Set([
    ...(node === undefined ? [] : [dirname(node)]),
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
  ]);
  const roots = "/etc/ssl/certs/ca-certificates.crt";
  const passed = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"]
    .flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined || value.includes("@") ? [] : [`ENV ${name}=${value}`];
    });
  return [
    `ENV PATH=${[...places].join(":")}`,
    "ENV HOME=/root",
    `ENV SSL_CERT_FILE=${roots}`,
    `ENV NODE_EXTRA_CA_CERTS=${roots}`,
    ...passed,
  ];
}

/** A tar of a directory's content, owned by root. */
function tar(directory: string) {
  const child = spawn("tar", ["-c", "--owner=0", "--group=0", "-C", directory, "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return child.stdout;
}

/** Changes with the programs' versions and with this script. */
function keyOf(image: string, programs: readonly (string | undefined)[]): string {
  const versions = programs.map((name) => name === undefined ? "none" : output(name, "--version"));
  return hashOf(image, ...versions);
}

function hashOf(...parts: string[]): string {
  return createHash("sha256").update([revision, ...parts].join("\0")).digest("hex").slice(0, 16);
}

function npmConfig(npm: string, name: string): string {
  return output(npm, "config", "get", name);
}

function goEnvironment(go: string, name: string): string {
  return output(go, "env", name);
}

function output(command: string, ...args: string[]): string {
  const result = new Deno.Command(command, { args, cwd: "/", stdin: "null", stderr: "null" })
    .outputSync();
  return new TextDecoder().decode(result.stdout).trim();
}

function which(name: string): string | undefined {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = join(directory, name);
    if (directory.startsWith("/") && existsSync(path)) return path;
  }
  return undefined;
}

if (import.meta.main) {
  const endpoint = Deno.args[0] ?? Deno.env.get("DOCKER_HOST") ?? "unix:///var/run/docker.sock";
  const images = await ensureBaseImages(endpoint, (message) => console.error(message));
  console.log(`CORE_VM_ENDPOINT=${endpoint}`);
  console.log(`CORE_CHAINCODE_BUILDER=${images.builder}`);
  if (images.nodeRuntime !== undefined) {
    console.log(`CORE_CHAINCODE_NODE_RUNTIME=${images.nodeRuntime}`);
  }
  if (images.golangRuntime !== undefined) {
    console.log(`CORE_CHAINCODE_GOLANG_RUNTIME=${images.golangRuntime}`);
    console.log("CORE_CHAINCODE_GOLANG_DYNAMICLINK=true");
  }
  if (images.javaRuntime !== undefined) {
    console.log(`CORE_CHAINCODE_JAVA_RUNTIME=${images.javaRuntime}`);
  }
}
