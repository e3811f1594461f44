/** PEM as Go's encoding/pem reads and writes it. */
import { base64, fromBase64, text } from "../base/bytes.ts";

export interface PemBlock {
  /** The label between BEGIN and the dashes: `CERTIFICATE`, `PRIVATE KEY`, … May be empty. */
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const beginLine = /(?:^|\n)-----BEGIN ([^\r\n]*?)-----[ \t\r]*(?:\n|$)/g;
const headerLine = /[^:\n]*:[^\n]*(?:\n|$)/y;
const strictBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** BEGIN lines without a readable block that are skipped before giving up: bounds the time of hostile input. */
const maxSkippedBegins = 100;

function withoutHeaders(body: string): string {
  const header = new RegExp(headerLine);
  let start = 0;
  for (header.lastIndex = 0; start < body.length && header.test(body); start = header.lastIndex);
  return body.slice(start);
}

function decodeFrom(source: string, start: number): { block: PemBlock; end: number } | undefined {
  const begin = new RegExp(beginLine);
  begin.lastIndex = start;
  let skipped = 0;
  for (let match = begin.exec(source); match; match = begin.exec(source)) {
    if (skipped++ > maxSkippedBegins) return undefined;
    const type = match[1];
    const bodyStart = begin.lastIndex;
    // A block may overlap the next BEGIN's line feed: search on from this line's own feed.
    begin.lastIndex = Math.max(match.index + 1, bodyStart - 1);
    const endMark = `-----END ${type}-----`;
    let endAt = bodyStart;
    if (!source.startsWith(endMark, bodyStart)) {
      endAt = source.indexOf("\n" + endMark, bodyStart);
      if (endAt < 0) continue;
    }
    const digits = withoutHeaders(source.slice(bodyStart, endAt)).replace(/\s/g, "");
    if (!strictBase64.test(digits)) continue;
    const end = endAt + endMark.length + (endAt === bodyStart ? 0 : 1);
    return { block: { type, bytes: fromBase64(digits) }, end };
  }
  return undefined;
}

/** The first PEM block of a file, skipping whatever stands before it; undefined where there is none. */
export function decodePem(source: Uint8Array | string): PemBlock | undefined {
  return decodeFrom(typeof source === "string" ? source : text(source), 0)?.block;
}

/** Every PEM block of a file, in order. */
export function decodeAllPem(source: Uint8Array | string): PemBlock[] {
  const whole = typeof source === "string" ? source : text(source);
  const blocks: PemBlock[] = [];
  for (let found = decodeFrom(whole, 0); found; found = decodeFrom(whole, found.end)) {
    blocks.push(found.block);
  }
  return blocks;
}

/** PEM text: 64 columns, a line feed at the end. */
export function encodePem(type: string, der: Uint8Array): string {
  const lines = base64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${type}-----\n${
    lines.map((line) => line + "\n").join("")
  }-----END ${type}-----\n`;
}
