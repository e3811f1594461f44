/** An OTLP export request in JSON: ids in hexadecimal, 64-bit numbers as text, enumerations as numbers. */
import { type Attributes, type AttributeValue, maxErrorCharacters, type Span } from "./span.ts";

export const spanKinds = { internal: 1, server: 2 } as const;
export const statusError = 2;
export const sampledFlags = 1;

/** The scope that all our spans have. */
export interface Instrumentation {
  readonly name: string;
}

/** Nanoseconds since the epoch. */
export function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000)) * 1_000n;
}

/** `ExportTraceServiceRequest` for `application/json`. */
export function encodeJson(
  spans: readonly Span[],
  resource: Attributes,
  scope: Instrumentation,
): string {
  return JSON.stringify({
    resourceSpans: [{
      resource: { attributes: attributesOf(resource) },
      scopeSpans: [{ scope, spans: spans.map(spanOf) }],
    }],
  });
}

function spanOf({ context, parentSpanId, name, kind, error, ...span }: Span) {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    traceState: context.traceState || undefined,
    parentSpanId,
    flags: sampledFlags,
    name,
    kind: spanKinds[kind],
    startTimeUnixNano: String(nanoseconds(span.beganAtMs)),
    endTimeUnixNano: String(nanoseconds(span.endedAtMs)),
    attributes: attributesOf(span.attributes),
    events: span.events.map((event) => ({
      timeUnixNano: String(nanoseconds(event.atMs)),
      name: event.name,
      attributes: attributesOf(event.attributes),
    })),
    links: span.links.map((link) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      traceState: link.traceState || undefined,
    })),
    status: error === undefined
      ? {}
      : { code: statusError, message: error.slice(0, maxErrorCharacters) },
  };
}

function attributesOf(attributes: Attributes) {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: valueOf(value) }]
  );
}

function valueOf(value: AttributeValue): unknown {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default:
      return { arrayValue: { values: value.map(valueOf) } };
  }
}
