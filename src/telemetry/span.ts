/** Spans as OpenTelemetry defines them, finished: what was done, from when to when, how it ended. */
import { randomBytes } from "node:crypto";

export type AttributeValue = string | number | boolean | readonly string[];
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** What identifies a span, also to other programs (W3C Trace Context). */
export interface SpanContext {
  /** 16 bytes in hexadecimal, lower case. */
  readonly traceId: string;
  /** 8 bytes in hexadecimal, lower case. */
  readonly spanId: string;
  /** Is the trace recorded? */
  readonly sampled: boolean;
  /** The `tracestate` of whoever began the trace, unread; "" = none. */
  readonly traceState: string;
}

export type SpanKind = "internal" | "server";

export interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes: Attributes;
}

export interface Span {
  readonly context: SpanContext;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since the epoch. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  /** Spans of other traces that belong to it too. */
  readonly links: readonly SpanContext[];
  /** Undefined = it did not fail. */
  readonly error: string | undefined;
}

export function newTraceId(): string {
  return randomBytes(16).toString("hex");
}

export function newSpanId(): string {
  return randomBytes(8).toString("hex");
}

/** Longest text of a status or exception; the rest is cut. */
export const maxErrorCharacters = 8_192;

/** The event by which OpenTelemetry tells of an error. */
export function exceptionEvent(atMs: number, message: string): SpanEvent {
  return {
    name: "exception",
    atMs,
    attributes: { "exception.message": message.slice(0, maxErrorCharacters) },
  };
}
