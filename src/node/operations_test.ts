import assert from "node:assert/strict";
import dgram from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { LogSpec } from "../base/log-spec.ts";
import { LogWriter } from "../base/log-writer.ts";
import { configOf } from "../config/load.ts";
import { ask } from "../operations/testing.ts";
import { createTestAuthority } from "../rpc/testing-certs.ts";
import { Operations } from "./operations.ts";

function testLog() {
  const lines: string[] = [];
  const log = new LogWriter({
    write: (line) => lines.push(line),
    clock: systemClock,
    spec: LogSpec.parse("info"),
    coloured: false,
  });
  return { log, lines };
}

function start(settings: Record<string, string>, log = testLog().log): Promise<Operations> {
  const config = configOf({}, undefined, "/").with({
    "operations.listenAddress": "127.0.0.1:0",
    ...settings,
  }).peerConfig;
  return Operations.start({ config, clock: systemClock, log });
}

Deno.test("prometheus: metrics, health, log levels and version over HTTP", async () => {
  const { log } = testLog();
  const operations = await start({ "metrics.provider": "prometheus" }, log);
  try {
    const address = operations.address ?? "";
    log.logger("x").info("an entry");
    log.logger("x").debug("not looked at");
    const { body } = await ask(address, "/metrics");
    assert.match(body, /^fabric_version\{version="1.4.2"\} 1$/m);
    assert.match(body, /^logging_entries_checked\{level="info"\} [12]$/m);
    assert.doesNotMatch(body, /level="debug"/);
    assert.match(body, /^logging_entries_written\{level="info"\} [12]$/m);
    assert.match(body, /^process_resident_memory_bytes [\d.e+]+$/m);
    assert.match(body, /^process_start_time_seconds 1[\d.e+]+$/m);
    operations.checks.register("thing", () => {
      throw new Error("broken");
    });
    const health = await ask(address, "/healthz");
    assert.deepEqual([health.status, JSON.parse(health.body).failed_checks], [503, [
      { component: "thing", reason: "broken" },
    ]]);
    const put = { method: "PUT", body: '{"spec":"debug"}' };
    assert.equal((await ask(address, "/logspec", put)).status, 204);
    assert.equal(log.spec.text, "debug");
    assert.equal(JSON.parse((await ask(address, "/version")).body).Version, "1.4.2");
  } finally {
    await operations.close();
  }
});

Deno.test("statsd: metrics are sent; nothing is at /metrics", async () => {
  const receiver = dgram.createSocket("udp4");
  await new Promise<void>((resolve) => receiver.bind(0, "127.0.0.1", resolve));
  let received = "";
  receiver.on("message", (message) => received += message.toString());
  const operations = await start({
    "metrics.provider": "statsd",
    "metrics.statsd.address": `127.0.0.1:${receiver.address().port}`,
    "metrics.statsd.writeInterval": "20ms",
    "metrics.statsd.prefix": "org1_peer0",
  });
  try {
    assert.equal((await ask(operations.address ?? "", "/metrics")).status, 404);
    const deadline = Date.now() + 20_000;
    while (!received.includes("org1_peer0.fabric_version.1_4_2:1.000000|g\n")) {
      assert(Date.now() < deadline, `received only ${received}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    await operations.close();
    await new Promise<void>((resolve) => receiver.close(() => resolve()));
  }
});

Deno.test("disabled, or named wrongly: no metrics, but health; without an address no listener", async () => {
  const { log, lines } = testLog();
  const operations = await start({ "metrics.provider": "graphite" }, log);
  try {
    assert.equal(operations.metrics.enabled, false);
    assert(
      lines.some((line) => line.includes("Unknown provider type: graphite; metrics disabled")),
    );
    assert.equal((await ask(operations.address ?? "", "/metrics")).status, 404);
    assert.equal((await ask(operations.address ?? "", "/healthz")).status, 200);
  } finally {
    await operations.close();
  }
  const silent = await start({ "operations.listenAddress": "" });
  assert.equal(silent.address, undefined);
  await silent.close();
});

Deno.test("TLS: log levels and metrics want a client certificate, health does not", async () => {
  const authority = await createTestAuthority("ca");
  const directory = mkdtempSync(join(tmpdir(), "denim-operations-"));
  const { certificate, key } = await authority.issue("server");
  writeFileSync(join(directory, "server.crt"), certificate);
  writeFileSync(join(directory, "server.key"), key);
  writeFileSync(join(directory, "ca.crt"), authority.root);
  const operations = await start({
    "metrics.provider": "prometheus",
    "operations.tls.enabled": "true",
    "operations.tls.cert.file": join(directory, "server.crt"),
    "operations.tls.key.file": join(directory, "server.key"),
    "operations.tls.clientRootCAs.files": join(directory, "ca.crt"),
  });
  try {
    const address = operations.address ?? "";
    const status = async (path: string, cert: { cert?: string; key?: string }) =>
      (await ask(address, path, { tls: { ca: authority.root, ...cert } })).status;
    for (const path of ["/metrics", "/logspec", "/healthz", "/version"]) {
      const open = path === "/healthz" || path === "/version";
      assert.equal(await status(path, {}), open ? 200 : 401);
      assert.equal(await status(path, { cert: certificate, key }), 200);
    }
  } finally {
    await operations.close();
    rmSync(directory, { recursive: true });
  }
});

Deno.test("what cannot be used ends the start and says which setting it is", async () => {
  const operations = await start({});
  try {
    const taken = operations.address ?? "";
    await assert.rejects(start({ "operations.listenAddress": taken }), {
      code: "address-in-use",
      message:
        `failed to initialize operations subsystems: listen ${taken}: address already in use`,
      hint: "set operations.listenAddress (CORE_OPERATIONS_LISTENADDRESS) to a free address",
    });
  } finally {
    await operations.close();
  }
  await assert.rejects(
    start({ "operations.tls.enabled": "true", "operations.tls.cert.file": "/no/such.crt" }),
    /cannot read operations\.tls\.cert\.file "\/no\/such\.crt": no such file/,
  );
  await assert.rejects(
    start({ "metrics.provider": "statsd", "metrics.statsd.network": "pigeon" }),
    { code: "statsd-address" },
  );
});
