import assert from "node:assert/strict";
import { DenimError } from "../base/errors.ts";
import { telemetrySettings } from "./settings.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };

Deno.test("without an endpoint, and where it is switched off, there are no traces", () => {
  assert.equal(telemetrySettings({}), undefined);
  assert.equal(telemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }), undefined);
  assert.equal(telemetrySettings({ ...endpoint, OTEL_SDK_DISABLED: "True" }), undefined);
  assert.equal(telemetrySettings({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }), undefined);
});

Deno.test("the standard variables decide where, how and as whom", () => {
  const settings = telemetrySettings({
    ...endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%20b, other=x=y",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_TIMEOUT: "500",
    OTEL_SERVICE_NAME: "peer-of-mine",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test,service.name=other",
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.5",
    OTEL_BSP_SCHEDULE_DELAY: "0",
    OTEL_BSP_MAX_QUEUE_SIZE: "7",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "3",
  });
  assert.deepEqual(settings, {
    url: "http://collector:4318/v1/traces",
    protocol: "http/json",
    headers: { "api-key": "a b", other: "x=y" },
    gzip: true,
    timeoutMs: 500,
    certificateFile: "",
    clientCertificateFile: "",
    clientKeyFile: "",
    resource: { "deployment.environment": "test", "service.name": "peer-of-mine" },
    sampler: { name: "traceidratio", ratio: 0.5 },
    maxQueuedSpans: 7,
    maxSpansPerExport: 3,
    exportDelayMs: 0,
  });
});

Deno.test("variables of traces win over common ones; an endpoint of traces is taken as it is", () => {
  const settings = telemetrySettings({
    ...endpoint,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces:4318/own",
    OTEL_EXPORTER_OTLP_HEADERS: "a=1",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "b=2",
  });
  assert.equal(settings?.url, "https://traces:4318/own");
  assert.deepEqual(settings?.headers, { b: "2" });
  assert.equal(settings?.protocol, "http/protobuf");
  assert.equal(settings?.resource["service.name"], "denim-peer");
  const standard = telemetrySettings({ OTEL_TRACES_EXPORTER: "otlp" });
  assert.equal(standard?.url, "http://localhost:4318/v1/traces");
});

Deno.test("what is not supported is refused by its name, with what is", () => {
  const refused = (environment: Record<string, string>, said: RegExp) =>
    assert.throws(
      () => telemetrySettings({ ...endpoint, ...environment }),
      (error) => error instanceof DenimError && said.test(error.message),
      String(said),
    );
  refused({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, /PROTOCOL=grpc: only http\/protobuf and http\//);
  refused({ OTEL_TRACES_EXPORTER: "zipkin" }, /OTEL_TRACES_EXPORTER=zipkin: only otlp and none/);
  refused({ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, /only http:\/\/ and https:\/\//);
  refused({ OTEL_EXPORTER_OTLP_ENDPOINT: "here" }, /not a URL/);
  refused({ OTEL_EXPORTER_OTLP_COMPRESSION: "br" }, /only gzip and none/);
  refused({ OTEL_EXPORTER_OTLP_HEADERS: "secret" }, /OTLP_HEADERS=…: give pairs/);
  refused({ OTEL_TRACES_SAMPLER: "jaeger" }, /use one of always_on/);
  refused({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" }, /from 0 to 1/);
  refused({ OTEL_BSP_MAX_QUEUE_SIZE: "0" }, /a whole number from 1/);
});
