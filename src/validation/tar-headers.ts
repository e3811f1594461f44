/**
 * The headers of a tar archive, read as far as Go's archive/tar reads them: enough to judge names
 * and modes of a code package during validation, synchronously and without extracting anything.
 */
import { text } from "../base/bytes.ts";

export interface TarHeader {
  readonly name: string;
  readonly mode: number;
}

export interface TarListing {
  readonly headers: readonly TarHeader[];
  /** False where the archive broke off or a header was damaged. */
  readonly complete: boolean;
}

const blockBytes = 512;

function field(block: Uint8Array, start: number, length: number): string {
  const raw = block.subarray(start, start + length);
  const end = raw.indexOf(0);
  return text(end < 0 ? raw : raw.subarray(0, end));
}

/** Octal text or GNU's base-256; undefined where it is neither. */
function number(block: Uint8Array, start: number, length: number): number | undefined {
  if ((block[start] & 0x80) !== 0) {
    let value = block[start] & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + block[start + i];
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = field(block, start, length).trim();
  if (digits === "") return 0;
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : undefined;
}

function checksumHolds(block: Uint8Array): boolean {
  const recorded = number(block, 148, 8);
  let sum = 0;
  let signedSum = 0;
  for (let i = 0; i < blockBytes; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : block[i];
    sum += byte;
    signedSum += byte > 127 ? byte - 256 : byte;
  }
  return recorded === sum || recorded === signedSum;
}

/** `path` of a PAX record set ("<length> key=value\n"…). */
function paxPath(body: Uint8Array): string | undefined {
  let path: string | undefined;
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    if (space < 0) break;
    const length = Number(text(body.subarray(at, space)));
    if (!Number.isInteger(length) || length <= space - at || at + length > body.length) break;
    const record = text(body.subarray(space + 1, at + length - 1));
    if (record.startsWith("path=")) path = record.slice("path=".length);
    at += length;
  }
  return path;
}

/** Lists the headers. Never throws. */
export function listTarHeaders(archive: Uint8Array): TarListing {
  const headers: TarHeader[] = [];
  const broken: TarListing = { headers, complete: false };
  let longName: string | undefined;
  let at = 0;
  while (at < archive.length) {
    const block = archive.subarray(at, at + blockBytes);
    if (block.length < blockBytes) return broken;
    at += blockBytes;
    if (block.every((byte) => byte === 0)) {
      const next = archive.subarray(at, at + blockBytes);
      if (next.length === 0) break;
      if (next.length === blockBytes && next.every((byte) => byte === 0)) break;
      return broken;
    }
    const size = number(block, 124, 12);
    const mode = number(block, 100, 8);
    if (!checksumHolds(block) || size === undefined || mode === undefined) return broken;
    const kind = String.fromCharCode(block[156]);
    const body = archive.subarray(at, at + size);
    // Links carry no body, whatever size their header names.
    const bodyBytes = /[1-6]/.test(kind) ? 0 : size;
    if (kind === "L") longName = field(body, 0, body.length);
    else if (kind === "x") longName = paxPath(body) ?? longName;
    else if (kind !== "K") {
      const prefix = field(block, 257, 5) === "ustar" ? field(block, 345, 155) : "";
      const short = field(block, 0, 100);
      headers.push({ name: longName ?? (prefix ? `${prefix}/${short}` : short), mode });
      longName = undefined;
    }
    if (body.length < bodyBytes) return broken;
    at += Math.ceil(bodyBytes / blockBytes) * blockBytes;
  }
  return { headers, complete: true };
}
