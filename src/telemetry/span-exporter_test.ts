import assert from "node:assert/strict";
import { Collector } from "../../tests/support/collector.ts";
import { until } from "../../tests/support/until.ts";
import type { Logger } from "../base/logger.ts";
import { flushTimeoutMs, SpanExporter } from "./span-exporter.ts";
import { type TelemetrySettings, telemetrySettings } from "./settings.ts";
import { exceptionEvent, newSpanId, newTraceId, type Span } from "./span.ts";

function settingsFor(url: string, more: Record<string, string> = {}): TelemetrySettings {
  const settings = telemetrySettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_BSP_SCHEDULE_DELAY: "10",
    ...more,
  });
  assert(settings);
  return settings;
}

/** Keeps what is said. */
function listener(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const logger: Logger = { debug() {}, info: say, warn: say, error: say, named: () => logger };
  return { lines, logger };
}

function spanNamed(name: string): Span {
  return {
    context: { traceId: newTraceId(), spanId: newSpanId(), sampled: true, traceState: "v=1" },
    parentSpanId: newSpanId(),
    name,
    kind: "server",
    beganAtMs: 1_700_000_000_123,
    endedAtMs: 1_700_000_000_456,
    attributes: { text: "ü", yes: true, no: false, whole: -5, part: 0.5, list: ["a", "b"] },
    events: [exceptionEvent(1_700_000_000_400, "it broke")],
    links: [{ traceId: newTraceId(), spanId: newSpanId(), sampled: true, traceState: "" }],
    error: "it broke",
  };
}

for (const protocol of ["http/json", "http/protobuf"]) {
  for (const compression of ["none", "gzip"]) {
    Deno.test(`a collector reads every field of a span: ${protocol}, ${compression}`, async () => {
      await using collector = await Collector.start();
      const exporter = new SpanExporter({
        settings: settingsFor(collector.url, {
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
          OTEL_EXPORTER_OTLP_COMPRESSION: compression,
          OTEL_EXPORTER_OTLP_HEADERS: "x-key=secret",
        }),
        resource: { "service.instance.id": "peer0" },
        logger: listener().logger,
      });
      const span = spanNamed("one");
      exporter.add(span);
      const read = await collector.span(({ name }) => name === "one", "the one that was added");
      await exporter.close();
      assert.deepEqual(read, {
        traceId: span.context.traceId,
        spanId: span.context.spanId,
        parentSpanId: span.parentSpanId,
        name: "one",
        kind: 2,
        beganAtMs: span.beganAtMs,
        endedAtMs: span.endedAtMs,
        attributes: span.attributes,
        links: 1,
        events: ["it broke"],
        statusCode: 2,
        statusMessage: "it broke",
        resource: { "service.instance.id": "peer0", "service.name": "denim-peer" },
      });
      const [{ path, headers }] = collector.requests;
      assert.equal(path, "/v1/traces");
      assert.equal(headers["x-key"], "secret");
    });
  }
}

Deno.test("an export that the collector cannot take now is repeated, one that it refuses is not", async () => {
  await using collector = await Collector.start();
  collector.answers.push(503, 429);
  const { lines, logger } = listener();
  const exporter = new SpanExporter({ settings: settingsFor(collector.url), resource: {}, logger });
  exporter.add(spanNamed("later"));
  await collector.span(({ name }) => name === "later", "after two repetitions");
  assert.deepEqual([collector.requests.length, lines, exporter.dropped], [3, [], 0]);

  collector.answers.push(400);
  exporter.add(spanNamed("refused"));
  await until("it is dropped", () => exporter.dropped > 0);
  assert.match(
    lines.join("\n"),
    /cannot be exported to .*\/v1\/traces and are dropped: it answers 400/,
  );
  exporter.add(spanNamed("good"));
  await collector.span(({ name }) => name === "good", "after the refusal");
  await exporter.close();
  assert.match(lines.join("\n"), /are exported to .* again; 1 were lost/);
  assert.equal(collector.requests.length, 5);
});

Deno.test("what does not fit into the queue is dropped at once; what waits is sent at the end", async () => {
  await using collector = await Collector.start();
  const { lines, logger } = listener();
  const settings = settingsFor(collector.url, {
    OTEL_BSP_SCHEDULE_DELAY: "3600000",
    OTEL_BSP_MAX_QUEUE_SIZE: "3",
  });
  const exporter = new SpanExporter({ settings, resource: {}, logger });
  for (let i = 0; i < 10; i++) exporter.add(spanNamed(`span ${i}`));
  assert.equal(exporter.dropped, 7);
  assert.equal(lines.length, 1);
  await exporter.close();
  assert.deepEqual(collector.spans.map(({ name }) => name), ["span 0", "span 1", "span 2"]);
  exporter.add(spanNamed("too late"));
  assert.equal(exporter.dropped, 8);
});

Deno.test("a collector that is gone or hangs delays the end by the flush timeout at most", async () => {
  await using collector = await Collector.start();
  collector.hangs = true;
  for (const url of ["http://127.0.0.1:1", collector.url]) {
    const { lines, logger } = listener();
    const exporter = new SpanExporter({ settings: settingsFor(url), resource: {}, logger });
    exporter.add(spanNamed("lost"));
    const began = performance.now();
    await exporter.close();
    assert(performance.now() - began < flushTimeoutMs + 20_000);
    assert.equal(exporter.dropped, 1);
    assert.match(lines.join("\n"), /cannot be exported/);
  }
});
