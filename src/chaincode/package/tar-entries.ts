/** Reading a gzip-compressed tar in memory: names, modes and contents, as Go's archive/tar sees them. */
import { gunzipSync } from "node:zlib";
import { text } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";

/** A code package that unpacks to more than this is refused. */
export const maxUnpackedBytes = 256 * 1024 * 1024;

const blockBytes = 512;

export interface TarEntry {
  readonly name: string;
  /** Permission bits with what the header says of them. */
  readonly mode: number;
  /** `0` regular file, `5` directory, … */
  readonly type: string;
  readonly content: Uint8Array;
}

/** @throws DenimError `bad-code-package` with Go's words for bytes that are not gzip */
export function gunzip(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 2 || bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    throw bad(bytes.length === 0 ? "EOF" : "gzip: invalid header");
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes });
  } catch (error) {
    throw bad(`gzip: ${messageOf(error)}`);
  }
}

/** The entries of an unpacked tar, one after the other. @throws DenimError `bad-code-package` */
export function* tarEntries(tar: Uint8Array): Generator<TarEntry> {
  let longName: string | undefined;
  for (let offset = 0; offset + blockBytes <= tar.length;) {
    const header = tar.subarray(offset, offset + blockBytes);
    if (header.every((byte) => byte === 0)) return;
    if (!checksumHolds(header)) throw bad("archive/tar: invalid tar header");
    const size = octal(header.subarray(124, 136));
    const start = offset + blockBytes;
    if (size === undefined || start + size > tar.length) throw bad("unexpected EOF");
    const content = tar.subarray(start, start + size);
    offset = start + Math.ceil(size / blockBytes) * blockBytes;
    const type = header[156] === 0 ? "0" : String.fromCharCode(header[156]);
    if (type === "L") {
      longName = cString(content);
    } else if (type === "x") {
      longName = paxPath(content) ?? longName;
    } else if (type !== "g") {
      yield {
        name: longName ?? headerName(header),
        mode: octal(header.subarray(100, 108)) ?? 0,
        type,
        content,
      };
      longName = undefined;
    }
  }
}

function headerName(header: Uint8Array): string {
  const name = cString(header.subarray(0, 100));
  const ustar = text(header.subarray(257, 263)) === "ustar\0";
  const prefix = ustar ? cString(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return text(end < 0 ? bytes : bytes.subarray(0, end));
}

function octal(bytes: Uint8Array): number | undefined {
  const digits = cString(bytes).trim();
  if (digits === "") return 0;
  return /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : undefined;
}

/** The sum of all header bytes, its own field counted as spaces. */
function checksumHolds(header: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < blockBytes; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i];
  return sum === octal(header.subarray(148, 156));
}

/** Records of the form `<length> <key>=<value>\n`. */
function paxPath(content: Uint8Array): string | undefined {
  for (let offset = 0; offset < content.length;) {
    const space = content.indexOf(0x20, offset);
    const length = space < 0 ? NaN : parseInt(text(content.subarray(offset, space)), 10);
    if (!(length > 0)) return undefined;
    const record = text(content.subarray(space + 1, offset + length - 1));
    if (record.startsWith("path=")) return record.slice("path=".length);
    offset += length;
  }
  return undefined;
}

function bad(message: string): DenimError {
  return new DenimError("bad-code-package", message);
}
