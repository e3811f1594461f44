/** gRPC status: the codes, the error that carries one, and how anything thrown becomes one. */
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

/** Codes of the gRPC specification. */
export enum GrpcStatus {
  OK = 0,
  CANCELLED = 1,
  UNKNOWN = 2,
  INVALID_ARGUMENT = 3,
  DEADLINE_EXCEEDED = 4,
  NOT_FOUND = 5,
  ALREADY_EXISTS = 6,
  PERMISSION_DENIED = 7,
  RESOURCE_EXHAUSTED = 8,
  FAILED_PRECONDITION = 9,
  ABORTED = 10,
  OUT_OF_RANGE = 11,
  UNIMPLEMENTED = 12,
  INTERNAL = 13,
  UNAVAILABLE = 14,
  DATA_LOSS = 15,
  UNAUTHENTICATED = 16,
}

/**
 * A call that ended with a status other than OK. `code` is the DenimError code (`rpc-unavailable`,
 * `rpc-deadline-exceeded`, ...), `status` the gRPC number.
 */
export class RpcError extends DenimError {
  override readonly name = "RpcError";

  /** @param trailers metadata that came (or goes) with the status */
  constructor(
    readonly status: GrpcStatus,
    message: string,
    facts: Readonly<Record<string, unknown>> = {},
    hint?: string,
    options?: ErrorOptions,
    readonly trailers: Readonly<Record<string, string>> = {},
  ) {
    super(statusName(status), message, facts, hint, options);
  }
}

function statusName(status: GrpcStatus): string {
  const name = GrpcStatus[status] ?? GrpcStatus[GrpcStatus.UNKNOWN];
  return `rpc-${name.toLowerCase().replaceAll("_", "-")}`;
}

/** Longest message sent in a trailer; clients limit the size of header lists. */
const maxStatusMessageCharacters = 4096;

/**
 * The status for anything a handler threw. As with Fabric's Go handlers, an error that names no
 * status is UNKNOWN with its message; what is no DenimError is a defect of ours: INTERNAL, logged
 * with its stack.
 */
export function toStatus(thrown: unknown, logger?: Logger, method?: string): RpcError {
  if (thrown instanceof RpcError) return thrown;
  if (thrown instanceof DenimError) {
    return new RpcError(GrpcStatus.UNKNOWN, thrown.message, thrown.facts, thrown.hint, {
      cause: thrown,
    });
  }
  logger?.error("unexpected error in a gRPC handler", {
    method,
    error: messageOf(thrown),
    stack: thrown instanceof Error ? thrown.stack : undefined,
  });
  return new RpcError(GrpcStatus.INTERNAL, `internal error: ${messageOf(thrown)}`, {}, undefined, {
    cause: thrown,
  });
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder();

/** `grpc-message` as the specification wants it: printable ASCII, everything else as %XX of UTF-8. */
export function encodeStatusMessage(message: string): string {
  const shown = message.length > maxStatusMessageCharacters
    ? message.slice(0, maxStatusMessageCharacters) + "..."
    : message;
  if (/^[\x20-\x24\x26-\x7e]*$/.test(shown)) return shown;
  let encoded = "";
  for (const byte of utf8Encoder.encode(shown)) {
    encoded += byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
  }
  return encoded;
}

/** The text of a `grpc-message`; broken escapes are kept as they are. */
export function decodeStatusMessage(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  const source = utf8Encoder.encode(encoded);
  const bytes: number[] = [];
  for (let i = 0; i < source.length; i++) {
    const digits = source[i] === 0x25 ? encodedByte(source, i + 1) : undefined;
    if (digits === undefined) bytes.push(source[i]);
    else {
      bytes.push(digits);
      i += 2;
    }
  }
  return utf8Decoder.decode(Uint8Array.from(bytes));
}

function encodedByte(source: Uint8Array, at: number): number | undefined {
  if (at + 2 > source.length) return undefined;
  const digits = String.fromCharCode(source[at], source[at + 1]);
  return /^[0-9a-fA-F]{2}$/.test(digits) ? parseInt(digits, 16) : undefined;
}

/** The gRPC status for an HTTP status other than 200, as the gRPC specification maps them. */
export function statusOfHttp(httpStatus: number): GrpcStatus {
  switch (httpStatus) {
    case 400:
      return GrpcStatus.INTERNAL;
    case 401:
      return GrpcStatus.UNAUTHENTICATED;
    case 403:
      return GrpcStatus.PERMISSION_DENIED;
    case 404:
      return GrpcStatus.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus.UNAVAILABLE;
    default:
      return GrpcStatus.UNKNOWN;
  }
}
