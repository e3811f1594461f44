/** How the Docker runtime reaches its engine: TLS, what it finds, what it leaves open. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { sleep } from "../src/base/async.ts";
import { dockerTest } from "./support/docker.ts";
import { testAuthority } from "./support/fake-peer.ts";
import { withDirectory } from "./support/runtime.ts";
import { withRuntime } from "./support/docker-runtime.ts";

dockerTest("an engine behind TLS with client certificates is used", async (docker) => {
  const authority = testAuthority();
  const own = authority.issue("serverAuth", ["localhost"]);
  const client = authority.issue("clientAuth", []);
  const proxy = createTlsServer({
    key: own.keyPem,
    cert: own.certPem,
    ca: authority.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  }, (incoming, outgoing) => {
    const forwarded = httpRequest({
      socketPath: docker.vm.endpoint.replace("unix://", ""),
      path: incoming.url,
      method: incoming.method,
    }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const place = proxy.address();
  assert(place !== null && typeof place === "object");
  try {
    await withDirectory(async (directory) => {
      const file = (name: string, content: string) => {
        writeFileSync(join(directory, name), content);
        return join(directory, name);
      };
      const tls = {
        enabled: true,
        caFile: file("ca.pem", authority.certificatePem),
        certFile: file("cert.pem", client.certPem),
        keyFile: file("key.pem", client.keyPem),
      };
      const vm = {
        endpoint: `tcp://localhost:${place.port}`,
        docker: { ...docker.vm.docker, tls },
      };
      await withRuntime({ ...docker, vm }, async (runtime) => {
        const check = await runtime.check();
        assert(check.ok, JSON.stringify(check));
        assert.equal(await runtime.hasImage(docker.platforms.builder), true);
      });
      await withRuntime({ ...docker, vm: { ...vm, docker: docker.vm.docker } }, async (runtime) => {
        assert.equal((await runtime.check()).ok, false);
      });
    });
  } finally {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  }
}, []);

dockerTest("a runtime that is closed leaves no descriptor open", async (docker) => {
  if (!existsSync("/proc/self/fd")) return;
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const use = () =>
    withRuntime(docker, async (runtime) => {
      await Promise.all(Array.from({ length: 5 }, () => runtime.hasImage("denim-no-such-image")));
      assert(descriptors() > before);
    });
  let before = 0;
  await use(); // Deno opens a pair of sockets for itself with the first request.
  await sleep(100);
  before = descriptors();
  await use();
  // Before idle connections would be closed anyway.
  const deadline = Date.now() + 3_000;
  while (descriptors() > before && Date.now() < deadline) await sleep(20);
  assert(descriptors() <= before, `${before} before, ${descriptors()} after`);
});

dockerTest("the engine is checked, and says what it is", async (docker) => {
  await withRuntime(docker, async (runtime) => {
    const check = await runtime.check();
    assert(check.ok);
    assert.match(check.detail, /^(Docker|Podman) \d+\.\S+ at (unix|tcp):.*, API 1\.\d+$/);
    await runtime.healthCheck();
    assert.equal(await runtime.hasImage(docker.platforms.builder), true);
    assert.equal(await runtime.hasImage("denim-no-such-image"), false);
  });
});
