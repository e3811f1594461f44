/** Header lists as requests and answers have them, and what makes a list malformed (RFC 9113, 8.1-8.3). */
import type { HeaderField } from "./hpack-decoder.ts";
import { ErrorCode, StreamError } from "./protocol.ts";

/** Names in lower case; values of a repeated name are joined by ", ". */
export type Headers = Readonly<Record<string, string | undefined>>;

const requestPseudoHeaders: ReadonlySet<string> = new Set([
  ":method",
  ":path",
  ":scheme",
  ":authority",
]);
const responsePseudoHeaders: ReadonlySet<string> = new Set([":status"]);
const noPseudoHeaders: ReadonlySet<string> = new Set();

/** They speak of a connection in HTTP/1's sense. */
const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** @throws StreamError PROTOCOL_ERROR */
export function requestHeaders(streamId: number, fields: readonly HeaderField[]): Headers {
  const headers = toHeaders(streamId, fields, requestPseudoHeaders);
  for (const name of [":method", ":path", ":scheme"]) {
    if (!headers[name]) throw malformed(streamId, `request without ${name}`);
  }
  return headers;
}

/** @throws StreamError PROTOCOL_ERROR */
export function responseHeaders(streamId: number, fields: readonly HeaderField[]): Headers {
  const headers = toHeaders(streamId, fields, responsePseudoHeaders);
  if (!headers[":status"]) throw malformed(streamId, "answer without :status");
  return headers;
}

/** @throws StreamError PROTOCOL_ERROR */
export function trailers(streamId: number, fields: readonly HeaderField[]): Headers {
  return toHeaders(streamId, fields, noPseudoHeaders);
}

function toHeaders(
  streamId: number,
  fields: readonly HeaderField[],
  pseudoHeaders: ReadonlySet<string>,
): Headers {
  const headers: Record<string, string | undefined> = Object.create(null);
  let regular = false;
  for (const { name, value } of fields) {
    if (illegalInValue.test(value)) throw malformed(streamId, "header value with a line break");
    const earlier = headers[name];
    if (name.charCodeAt(0) === colon) {
      if (regular || earlier !== undefined || !pseudoHeaders.has(name)) {
        throw malformed(streamId, `${name} out of place`);
      }
    } else {
      regular = true;
      if (!isFieldName(name)) throw malformed(streamId, "header name with illegal characters");
      if (connectionHeaders.has(name) || (name === "te" && value !== "trailers")) {
        throw malformed(streamId, `header ${name}: ${value}`);
      }
    }
    headers[name] = earlier === undefined ? value : `${earlier}, ${value}`;
  }
  return headers;
}

const colon = 0x3a;
const illegalInValue = /[\0\r\n]/;

/** No capitals, controls, blanks or colons. */
function isFieldName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code <= 0x20 || (code >= 0x41 && code <= 0x5a) || code >= 0x7f || code === colon) {
      return false;
    }
  }
  return name.length > 0;
}

function malformed(streamId: number, reason: string): StreamError {
  return new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, reason);
}
