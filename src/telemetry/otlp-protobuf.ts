/** The same export request in protobuf. Field numbers are those of opentelemetry-proto 1.x. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { emptyBytes, fromHex } from "../base/bytes.ts";
import {
  type Instrumentation,
  nanoseconds,
  sampledFlags,
  spanKinds,
  statusError,
} from "./otlp-json.ts";
import { type Attributes, type AttributeValue, maxErrorCharacters, type Span } from "./span.ts";

/** `ExportTraceServiceRequest` for `application/x-protobuf`. */
export function encodeProtobuf(
  spans: readonly Span[],
  resource: Attributes,
  scope: Instrumentation,
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  message(writer, 1, () => {
    message(writer, 1, () => attributes(writer, 1, resource));
    message(writer, 2, () => {
      message(writer, 1, () => string(writer, 1, scope.name));
      for (const span of spans) message(writer, 2, () => writeSpan(writer, span));
    });
  });
  return new Uint8Array(writer.finish());
}

function writeSpan(writer: BinaryWriter, span: Span): void {
  identity(writer, span.context);
  if (span.parentSpanId !== undefined) bytes(writer, 4, span.parentSpanId);
  string(writer, 5, span.name);
  writer.tag(6, WireType.Varint).int32(spanKinds[span.kind]);
  time(writer, 7, span.beganAtMs);
  time(writer, 8, span.endedAtMs);
  attributes(writer, 9, span.attributes);
  for (const event of span.events) {
    message(writer, 11, () => {
      time(writer, 1, event.atMs);
      string(writer, 2, event.name);
      attributes(writer, 3, event.attributes);
    });
  }
  for (const link of span.links) message(writer, 13, () => identity(writer, link));
  const { error } = span;
  if (error !== undefined) {
    message(writer, 15, () => {
      string(writer, 2, error.slice(0, maxErrorCharacters));
      writer.tag(3, WireType.Varint).int32(statusError);
    });
  }
  writer.tag(16, WireType.Bit32).fixed32(sampledFlags);
}

function identity(
  writer: BinaryWriter,
  { traceId, spanId, traceState }: Span["context"],
): void {
  bytes(writer, 1, traceId);
  bytes(writer, 2, spanId);
  if (traceState !== "") string(writer, 3, traceState);
}

function attributes(writer: BinaryWriter, field: number, all: Attributes): void {
  for (const [key, value] of Object.entries(all)) {
    if (value === undefined) continue;
    message(writer, field, () => {
      string(writer, 1, key);
      message(writer, 2, () => writeValue(writer, value));
    });
  }
}

function writeValue(writer: BinaryWriter, value: AttributeValue): void {
  if (typeof value === "string") string(writer, 1, value);
  else if (typeof value === "boolean") writer.tag(2, WireType.Varint).bool(value);
  else if (typeof value !== "number") {
    message(writer, 5, () => {
      for (const item of value) message(writer, 1, () => writeValue(writer, item));
    });
  } else if (Number.isSafeInteger(value)) writer.tag(3, WireType.Varint).int64(value);
  else writer.tag(4, WireType.Bit64).double(value);
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function string(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function bytes(writer: BinaryWriter, field: number, hexadecimal: string): void {
  writer.tag(field, WireType.LengthDelimited).bytes(fromHex(hexadecimal) ?? emptyBytes);
}

function time(writer: BinaryWriter, field: number, ms: number): void {
  writer.tag(field, WireType.Bit64).fixed64(nanoseconds(ms));
}
