import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { vmSettings } from "../../../tests/support/docker.ts";
import { withDirectory } from "../../../tests/support/runtime.ts";
import { connectEngine } from "./connect.ts";
import { credentialsFor, readDockerConfig, registryOf } from "./docker-config.ts";
import { engineCandidates } from "./find-engine.ts";

const auto = { ...vmSettings("unix:///var/run/docker.sock"), endpointIsDefault: true };
const nothing = () => false;

function put(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function addContext(home: string, name: string, host: string, tls = false): void {
  const id = createHash("sha256").update(name).digest("hex");
  const contexts = join(home, ".docker", "contexts");
  const meta = { Name: name, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
  put(join(contexts, "meta", id, "meta.json"), JSON.stringify(meta));
  if (!tls) return;
  for (const file of ["ca", "cert", "key"]) {
    put(join(contexts, "tls", id, "docker", `${file}.pem`), file);
  }
}

Deno.test("an endpoint that someone set is the only place; TLS of vm.docker.tls goes with it", () => {
  const vm = vmSettings("tcp://h:2376");
  const environment = { DOCKER_HOST: "unix:///other.sock", HOME: "/nowhere" };
  assert.deepEqual(engineCandidates(vm, environment, () => true), [
    { endpoint: "tcp://h:2376", origin: "vm.endpoint", tls: undefined },
  ]);
  const tls = { enabled: true, caFile: "a", certFile: "b", keyFile: "c" };
  const [secured] = engineCandidates({ ...vm, docker: { ...vm.docker, tls } }, {}, nothing);
  assert.equal(secured.tls?.caFile, "a");
});

Deno.test("otherwise DOCKER_HOST, then the current context, then the sockets that exist", async () => {
  await withDirectory((home) => {
    const endpoints = (environment: Record<string, string>, there = nothing) =>
      engineCandidates(auto, { HOME: home, ...environment }, there).map(({ endpoint }) => endpoint);
    assert.deepEqual(endpoints({ DOCKER_HOST: "tcp://a:1" }), ["tcp://a:1"]);
    assert.deepEqual(endpoints({}), ["unix:///var/run/docker.sock"]);
    const there = (path: string) =>
      path.startsWith("/run/user/1/") || path === "/run/podman/podman.sock";
    assert.deepEqual(
      engineCandidates(auto, { HOME: home, XDG_RUNTIME_DIR: "/run/user/1" }, there),
      [
        { endpoint: "unix:///run/user/1/docker.sock", origin: "rootless Docker", tls: undefined },
        {
          endpoint: "unix:///run/user/1/podman/podman.sock",
          origin: "rootless Podman",
          tls: undefined,
        },
        { endpoint: "unix:///run/podman/podman.sock", origin: "Podman", tls: undefined },
      ],
    );
    addContext(home, "far", "tcp://far:2376", true);
    addContext(home, "near", "unix:///near.sock");
    put(join(home, ".docker", "config.json"), JSON.stringify({ currentContext: "far" }));
    const [far] = engineCandidates(auto, { HOME: home }, () => true);
    assert.equal(far.endpoint, "tcp://far:2376");
    assert.match(far.tls?.keyFile ?? "", /docker\/key\.pem$/);
    assert.deepEqual(endpoints({ DOCKER_CONTEXT: "near" }), ["unix:///near.sock"]);
    assert.deepEqual(endpoints({ DOCKER_CONTEXT: "default" }), ["unix:///var/run/docker.sock"]);
    assert.throws(() => endpoints({ DOCKER_CONTEXT: "gone" }), { code: "unknown-docker-context" });
    // TLS of DOCKER_HOST is that of DOCKER_CERT_PATH.
    for (const file of ["ca", "cert", "key"]) put(join(home, "certs", `${file}.pem`), file);
    const [verified] = engineCandidates(auto, {
      HOME: home,
      DOCKER_HOST: "tcp://h:2376",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: join(home, "certs"),
    }, nothing);
    assert.equal(verified.tls?.certFile, join(home, "certs", "cert.pem"));
    return Promise.resolve();
  });
});

/** An engine that knows its versions and refuses requests of others, as Docker 29 does. */
async function standIn(
  socket: string,
  versions: { ApiVersion: string; MinAPIVersion?: string },
  onRequest: (path: string) => void = () => {},
): Promise<() => Promise<void>> {
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "";
    onRequest(path);
    const wanted = /^\/v(1\.\d+)\//.exec(path)?.[1];
    const minor = (version: string) => Number(version.split(".")[1]);
    if (
      wanted !== undefined &&
      (minor(wanted) < minor(versions.MinAPIVersion ?? "1.12") ||
        minor(wanted) > minor(versions.ApiVersion))
    ) {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ message: `client version ${wanted} is not supported` }));
    } else if (path.endsWith("/version")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ Version: "stand-in", ...versions }));
    } else response.writeHead(200).end("OK");
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return () => new Promise((resolve) => server.close(() => resolve()));
}

Deno.test("the API version is agreed on first, with engines from 20.10 to 29", async () => {
  await withDirectory(async (directory) => {
    const engines:
      readonly (readonly [newest: string, oldest: string | undefined, spoken: string])[] = [
        ["1.41", "1.12", "1.41"],
        ["1.43", "1.12", "1.41"],
        ["1.44", "1.24", "1.41"],
        ["1.50", "1.24", "1.41"],
        ["1.52", "1.44", "1.44"],
        ["1.40", undefined, "1.40"],
      ];
    for (const [ApiVersion, MinAPIVersion, spoken] of engines) {
      const socket = join(directory, `${ApiVersion}-${MinAPIVersion}.sock`);
      const paths: string[] = [];
      const close = await standIn(
        socket,
        { ApiVersion, MinAPIVersion },
        (path) => paths.push(path),
      );
      try {
        const engine = await connectEngine(vmSettings(`unix://${socket}`));
        assert.equal(engine.apiVersion, spoken);
        await engine.docker.ping();
        assert.deepEqual(paths, ["/version", `/v${spoken}/_ping`]);
      } finally {
        await close();
      }
    }
  });
});

Deno.test("the first engine that answers is taken; a dead socket before it costs nothing", async () => {
  await withDirectory(async (home) => {
    const dead = join(home, ".docker/run/docker.sock");
    const alive = join(home, ".docker/desktop/docker.sock");
    put(dead, "");
    mkdirSync(dirname(alive), { recursive: true });
    const close = await standIn(alive, { ApiVersion: "1.45", MinAPIVersion: "1.24" });
    try {
      const environment = { HOME: home, XDG_RUNTIME_DIR: home };
      const candidates = engineCandidates(auto, environment).map(({ endpoint }) => endpoint)
        .filter((endpoint) => endpoint.includes(home));
      assert.deepEqual(candidates, [`unix://${dead}`, `unix://${alive}`]);
      if (engineCandidates(auto, environment).length > 2) return; // This machine has an engine.
      assert.equal((await connectEngine(auto, environment)).endpoint, `unix://${alive}`);
    } finally {
      await close();
    }
  });
});

Deno.test("registry credentials come from helpers, then from config.json", async () => {
  await withDirectory(async (home) => {
    const auth = btoa("ann:se:cret");
    put(
      join(home, ".docker", "config.json"),
      JSON.stringify({
        auths: {
          "https://index.docker.io/v1/": { auth },
          "registry.example.com:5000": { auth: btoa("bob:b") },
          "ghcr.io": { identitytoken: "token" },
          "damaged.example.com": { auth: 5 },
        },
        credHelpers: { "helped.example.com": "known", "unhelped.example.com": "unknown" },
      }),
    );
    const config = readDockerConfig({ HOME: home });
    const asked: string[] = [];
    const helper = (name: string, server: string) => {
      asked.push(`${name} ${server}`);
      return name === "known"
        ? Promise.resolve('{"ServerURL":"x","Username":"<token>","Secret":"s"}')
        : Promise.reject(new Error("credentials not found in native keychain"));
    };
    const of = (image: string) => credentialsFor(image, config, helper);
    assert.deepEqual(await of("hyperledger/fabric-ccenv:1.4"), {
      username: "ann",
      password: "se:cret",
      serveraddress: "https://index.docker.io/v1/",
    });
    assert.equal((await of("registry.example.com:5000/x/y:1"))?.username, "bob");
    assert.equal((await of("ghcr.io/x"))?.identitytoken, "token");
    assert.equal(await of("damaged.example.com/x"), undefined);
    assert.equal(await of("localhost/x"), undefined);
    assert.equal((await of("helped.example.com/x"))?.identitytoken, "s");
    assert.equal(await of("unhelped.example.com/x"), undefined);
    assert.deepEqual(asked, ["known helped.example.com", "unknown unhelped.example.com"]);
    const broken = credentialsFor(
      "a.b/c",
      { ...config, credsStore: "broken" },
      () => Promise.reject(new Error("no key ring")),
    );
    await assert.rejects(broken, {
      code: "registry-credentials",
      message: /docker-credential-broken.*no key ring/,
    });
  });
});

Deno.test("the registry is the image name's first part where that is a host", () => {
  for (
    const [image, registry] of [
      ["alpine", "docker.io"],
      ["hyperledger/fabric-ccenv:latest", "docker.io"],
      ["ghcr.io/a/b", "ghcr.io"],
      ["localhost/a", "localhost"],
      ["h:5000/a:1", "h:5000"],
      ["alpine:3.19", "docker.io"],
    ]
  ) assert.equal(registryOf(image), registry);
});
