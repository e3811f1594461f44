/** An OpenTelemetry collector for tests: takes OTLP/HTTP in both encodings and keeps the spans. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";

/** A span as it was received. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: number;
  readonly events: readonly string[];
  /** 0 = unset, 2 = error. */
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** The part of opentelemetry-proto that is looked at, written down independently of the sources. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
  message Scope { string name = 1; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
    string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; repeated Event events = 11; repeated Link links = 13;
    Status status = 15; fixed32 flags = 16;
  }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
  message Link { bytes trace_id = 1; bytes span_id = 2; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value {
    string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    ArrayValue array_value = 5; } }
  message ArrayValue { repeated AnyValue values = 1; }
`);
const request = root.lookupType("Request");

interface WireValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly WireValue[] };
}
interface WireAttribute {
  readonly key: string;
  readonly value: WireValue;
}
interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly WireAttribute[];
  readonly links?: readonly unknown[];
  readonly events?: readonly { readonly attributes?: readonly WireAttribute[] }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}
interface WireRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly WireAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

export class Collector implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  readonly requests: { readonly path: string; readonly headers: IncomingMessage["headers"] }[] = [];
  /** What the next requests are answered with; 200 when empty. */
  readonly answers: number[] = [];
  /** Requests are taken and never answered. */
  hangs = false;
  #server: Server | undefined;
  #url = "";

  static async start(): Promise<Collector> {
    const collector = new Collector();
    const server = createServer((incoming, answer) => {
      const chunks: Uint8Array[] = [];
      incoming.on("data", (chunk) => chunks.push(chunk));
      incoming.on("end", () => {
        const { headers, url = "" } = incoming;
        collector.requests.push({ path: url, headers });
        if (collector.hangs) return;
        const status = collector.answers.shift() ?? 200;
        if (status === 200) collector.#take(Buffer.concat(chunks), headers);
        answer.writeHead(status, { "content-type": headers["content-type"] ?? "" }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const place = server.address();
    if (place === null || typeof place !== "object") throw new Error("no address");
    collector.#server = server;
    collector.#url = `http://127.0.0.1:${place.port}`;
    return collector;
  }

  get url(): string {
    return this.#url;
  }

  /** The first span that fits, waiting for it. */
  async span(fits: (span: ReceivedSpan) => boolean, what: string): Promise<ReceivedSpan> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
      const found = this.spans.find(fits);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no span: ${what}; there are: ${this.spans.map(({ name }) => name)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  }

  #take(body: Uint8Array, headers: IncomingMessage["headers"]): void {
    const bytes = headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
    const json: WireRequest = headers["content-type"] === "application/json"
      ? JSON.parse(new TextDecoder().decode(bytes))
      : fromProtobuf(bytes);
    for (const { resource, scopeSpans } of json.resourceSpans) {
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push(received(span, attributesOf(resource.attributes)));
      }
    }
  }
}

/** Into the shape of OTLP's JSON. */
function fromProtobuf(bytes: Uint8Array): WireRequest {
  const object = request.toObject(request.decode(bytes), { longs: String, bytes: Array });
  const hex = (value: unknown): unknown =>
    Array.isArray(value) && typeof value[0] === "number"
      ? value.map((byte: number) => byte.toString(16).padStart(2, "0")).join("")
      : value;
  return JSON.parse(JSON.stringify(object, (_, value) => hex(value)));
}

function received(span: WireSpan, resource: Record<string, unknown>): ReceivedSpan {
  const ms = (nanoseconds: string) => Number(BigInt(nanoseconds) / 1_000_000n);
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? "",
    name: span.name,
    kind: span.kind,
    beganAtMs: ms(span.startTimeUnixNano),
    endedAtMs: ms(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    links: span.links?.length ?? 0,
    events: (span.events ?? []).map(({ attributes }) =>
      String(attributesOf(attributes)["exception.message"])
    ),
    statusCode: span.status?.code ?? 0,
    statusMessage: span.status?.message ?? "",
    resource,
  };
}

function attributesOf(attributes: readonly WireAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf(value: WireValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(valueOf);
  return value.stringValue ?? value.boolValue ?? value.doubleValue;
}
