import assert from "node:assert/strict";
import { LogSpec } from "../base/log-spec.ts";
import { LogWriter } from "../base/log-writer.ts";
import { healthHandler, logSpecHandler, metricsHandler, versionHandler } from "./handlers.ts";
import { HealthChecks } from "./health.ts";

const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) };
const time = "2026-01-02T03:04:05.006Z";
const get = { method: "GET", body: "" };

Deno.test("healthz: OK, or what failed and why", async () => {
  const checks = new HealthChecks();
  const handle = healthHandler(checks, clock);
  const answer = async () => {
    const { status, body } = await handle(get);
    return { status, body: JSON.parse(body ?? "null") };
  };
  assert.deepEqual(await answer(), { status: 200, body: { status: "OK", time } });
  let broken = false;
  checks.register("statedb", () => {});
  checks.register("docker", () => {
    if (broken) throw new Error("failed to ping to Docker daemon: x");
  });
  assert.equal((await answer()).status, 200);
  broken = true;
  assert.deepEqual(await answer(), {
    status: 503,
    body: {
      status: "Service Unavailable",
      time,
      failed_checks: [{ component: "docker", reason: "failed to ping to Docker daemon: x" }],
    },
  });
  assert.throws(() => checks.register("docker", () => {}), {
    message: "'docker' is already registered",
  });
  assert.deepEqual(await handle({ method: "POST", body: "" }), { status: 405 });
});

Deno.test("healthz: checks that take too long are a timeout, and are told to stop", async () => {
  const checks = new HealthChecks(20);
  let told: AbortSignal | undefined;
  checks.register("slow", (signal) => {
    told = signal;
    return new Promise(() => {});
  });
  assert.deepEqual(await healthHandler(checks, clock)(get), { status: 408 });
  assert.equal(told?.aborted, true);
});

Deno.test("logspec: read, set, refuse", async () => {
  const log = new LogWriter({ write() {}, clock, spec: LogSpec.parse("info"), coloured: false });
  const handle = logSpecHandler(log);
  const put = async (body: string) => await handle({ method: "PUT", body });
  const error = async (body: string) => {
    const { status, body: answer } = await put(body);
    assert.equal(status, 400);
    return JSON.parse(answer ?? "").error;
  };
  const read = async () => JSON.parse((await handle(get)).body ?? "");
  assert.equal((await handle(get)).body, '{"spec":"info"}\n');
  assert.deepEqual(await put('{"spec":"endorser=DEBUG:warning"}'), { status: 204 });
  assert.deepEqual(await read(), { spec: "endorser=debug:warn" });
  assert.equal(
    await error('{"spec":"a=b=c"}'),
    "invalid logging specification 'a=b=c': bad segment 'a=b=c'",
  );
  assert.equal(await error(""), "EOF");
  assert.equal(
    await error('{"spec":1}'),
    "json: cannot unmarshal number into Go struct field LogSpec.spec of type string",
  );
  assert.match(await error("[]"), /cannot unmarshal array/);
  assert.equal(await error("{"), "unexpected EOF");
  assert.equal(await error('{"spec":"de'), "unexpected EOF");
  assert.equal(await error("x"), "invalid character 'x' looking for beginning of value");
  assert.match(await error('{"spec" "debug"}'), /position/);
  assert.deepEqual(await read(), { spec: "endorser=debug:warn" });
  assert.deepEqual(await put("{}"), { status: 204 });
  assert.deepEqual(await read(), { spec: "info" });
  const { status, body } = await handle({ method: "DELETE", body: "" });
  assert.deepEqual([status, JSON.parse(body ?? "")], [400, {
    error: "invalid request method: DELETE",
  }]);
});

Deno.test("metrics and version", async () => {
  assert.deepEqual(await metricsHandler({ text: () => "x 1\n" })(get), {
    status: 200,
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    body: "x 1\n",
  });
  const version = versionHandler("1.4.2", "");
  assert.equal((await version(get)).body, '{"Version":"1.4.2"}');
  assert.equal((await versionHandler("1", "abc")(get)).body, '{"CommitSHA":"abc","Version":"1"}');
  assert.deepEqual(await version({ method: "PUT", body: "" }), {
    status: 400,
    contentType: "application/json",
    body: '{"Error":"invalid request method: PUT"}',
  });
});
