/**
 * Tar archives in memory, written the way Go's archive/tar writes them, so that a package made here
 * and one made by Fabric's `peer` hold the same bytes; read with everything that Go writes.
 */
import { concat, emptyBytes, text, utf8 } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";

/** One member of an archive. */
export interface TarEntry {
  readonly name: string;
  /** As in the header, with file type bits where the writer put them (0100644). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly userName: string;
  readonly groupName: string;
  /** `0` file, `2` symbolic link, `5` directory, … */
  readonly type: string;
  readonly linkName: string;
  readonly content: Uint8Array;
}

/** What a writer must say; the rest are zeros, as in Fabric's headers. */
export type NewTarEntry =
  & Pick<TarEntry, "name" | "content">
  & Partial<Omit<TarEntry, "name" | "content">>;

const blockBytes = 512;
const nameBytes = 100;
const prefixBytes = 155;
/** A PAX header or long name is small; more is an attack. */
const maxExtensionBytes = 1 << 20;

/** The archive: entries in the given order, then two empty blocks. */
export function writeTar(entries: readonly NewTarEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const place = splitName(entry.name);
    if (place === undefined) {
      const record = paxRecord("path", entry.name);
      // Go names the extension after the file, in a directory PaxHeaders.0 beside it.
      const slash = entry.name.lastIndexOf("/") + 1;
      const paxName = ascii(
        `${entry.name.slice(0, slash)}PaxHeaders.0/${entry.name.slice(slash)}`,
      ).slice(0, nameBytes);
      parts.push(header({ name: paxName, content: record, type: "x", mode: 0 }, ["", paxName]));
      parts.push(record, padding(record.length));
      parts.push(header(entry, ["", ascii(entry.name).slice(0, nameBytes)]));
    } else {
      parts.push(header(entry, place));
    }
    parts.push(entry.content, padding(entry.content.length));
  }
  parts.push(new Uint8Array(2 * blockBytes));
  return concat(...parts);
}

/**
 * Entries of an archive; ends at the first empty block or at the end of the input.
 * @throws DenimError `malformed-archive` for a damaged or truncated archive
 */
export function readTar(archive: Uint8Array): TarEntry[] {
  const entries: TarEntry[] = [];
  let offset = 0;
  let longName: string | undefined;
  let longLink: string | undefined;
  let pax: Record<string, string> = {};
  while (offset + blockBytes <= archive.length) {
    const block = archive.subarray(offset, offset + blockBytes);
    if (block.every((byte) => byte === 0)) return entries;
    if (checksum(block) !== octal(block, 148, 8)) malformed("bad header checksum", offset);
    const type = String.fromCharCode(block[156] || 0x30);
    const size = pax.size === undefined ? octal(block, 124, 12) : Number(pax.size);
    if (!Number.isSafeInteger(size) || size < 0) malformed("bad size", offset);
    const start = offset + blockBytes;
    if (start + size > archive.length) malformed("unexpected EOF", offset);
    const content = archive.subarray(start, start + size);
    offset = start + Math.ceil(size / blockBytes) * blockBytes;

    if ("xgLK".includes(type) && size > maxExtensionBytes) malformed("extension too large", start);
    if (type === "x") pax = { ...pax, ...paxRecords(content, start) };
    else if (type === "L") longName = cString(content, 0, content.length);
    else if (type === "K") longLink = cString(content, 0, content.length);
    if ("xgLK".includes(type)) continue;

    const prefix = cString(block, 257, 6).startsWith("ustar") ? cString(block, 345, 155) : "";
    const shortName = cString(block, 0, nameBytes);
    entries.push({
      name: pax.path ?? longName ?? (prefix === "" ? shortName : `${prefix}/${shortName}`),
      mode: octal(block, 100, 8),
      uid: octal(block, 108, 8),
      gid: octal(block, 116, 8),
      mtime: octal(block, 136, 12),
      userName: cString(block, 265, 32),
      groupName: cString(block, 297, 32),
      type,
      linkName: pax.linkpath ?? longLink ?? cString(block, 157, nameBytes),
      content,
    });
    pax = {};
    longName = longLink = undefined;
  }
  if (offset < archive.length) malformed("unexpected EOF", offset);
  return entries;
}

function malformed(reason: string, offset: number): never {
  throw new DenimError("malformed-archive", `archive/tar: ${reason} at byte ${offset}`, {
    reason,
    offset,
  });
}

/** USTAR prefix and name, or undefined where the name needs a PAX record. Go's splitUSTARPath. */
function splitName(name: string): [prefix: string, name: string] | undefined {
  // deno-lint-ignore no-control-regex
  if (!/^[\x01-\x7f]*$/.test(name)) return undefined;
  if (name.length <= nameBytes) return ["", name];
  let limit = Math.min(name.length, prefixBytes + 1);
  if (name[limit - 1] === "/" && limit === name.length) limit--;
  const slash = name.slice(0, limit).lastIndexOf("/");
  const rest = name.length - slash - 1;
  if (slash <= 0 || slash > prefixBytes || rest === 0 || rest > nameBytes) return undefined;
  return [name.slice(0, slash), name.slice(slash + 1)];
}

function header(entry: NewTarEntry, [prefix, name]: [string, string]): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const put = (at: number, value: string) => block.set(utf8(value), at);
  const digits = (at: number, width: number, value: number) =>
    put(at, value.toString(8).padStart(width - 1, "0"));
  put(0, name);
  digits(100, 8, entry.mode ?? 0o100644);
  digits(108, 8, entry.uid ?? 0);
  digits(116, 8, entry.gid ?? 0);
  digits(124, 12, entry.content.length);
  digits(136, 12, entry.mtime ?? 0);
  put(156, entry.type ?? "0");
  put(157, entry.linkName ?? "");
  put(257, "ustar\x0000");
  put(265, entry.userName ?? "");
  put(297, entry.groupName ?? "");
  // Go leaves them empty in extensions.
  if (entry.type !== "x") {
    digits(329, 8, 0);
    digits(337, 8, 0);
  }
  put(345, prefix);
  put(148, checksum(block).toString(8).padStart(6, "0") + "\0 ");
  return block;
}

/** Sum of all header bytes, the checksum field itself counted as spaces. */
function checksum(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < blockBytes; i++) if (i < 148 || i >= 156) sum += block[i];
  return sum;
}

function padding(size: number): Uint8Array {
  const rest = size % blockBytes;
  return rest === 0 ? emptyBytes : new Uint8Array(blockBytes - rest);
}

/** A number field: octal digits, or base 256 where the first bit is set. */
function octal(block: Uint8Array, at: number, width: number): number {
  if ((block[at] & 0x80) !== 0) {
    let value = block[at] & 0x7f;
    for (let i = at + 1; i < at + width; i++) value = value * 256 + block[i];
    return value;
  }
  const digits = cString(block, at, width).trim();
  if (!/^[0-7]*$/.test(digits)) return NaN;
  return digits === "" ? 0 : parseInt(digits, 8);
}

function cString(bytes: Uint8Array, at: number, width: number): string {
  const field = bytes.subarray(at, at + width);
  const end = field.indexOf(0);
  return text(end < 0 ? field : field.subarray(0, end));
}

function ascii(name: string): string {
  // deno-lint-ignore no-control-regex
  return name.replace(/[^\x01-\x7f]/gu, "");
}

/** `<length> <key>=<value>\n`, where length counts its own digits. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = utf8(` ${key}=${value}\n`).length;
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return utf8(`${length} ${key}=${value}\n`);
}

function paxRecords(content: Uint8Array, at: number): Record<string, string> {
  const records: Record<string, string> = {};
  let offset = 0;
  while (offset < content.length) {
    const space = content.indexOf(0x20, offset);
    const digits = space < 0 ? "" : text(content.subarray(offset, space));
    const length = /^[1-9][0-9]{0,6}$/.test(digits) ? Number(digits) : 0;
    const end = offset + length;
    if (length === 0 || end > content.length || end <= space || content[end - 1] !== 0x0a) {
      malformed("bad PAX record", at + offset);
    }
    const record = text(content.subarray(space + 1, end - 1));
    const equals = record.indexOf("=");
    if (equals < 1) malformed("bad PAX record", at + offset);
    records[record.slice(0, equals)] = record.slice(equals + 1);
    offset = end;
  }
  return records;
}

/** Does it end as an archive does, in two blocks of zeros? */
export function isWholeTar(archive: Uint8Array): boolean {
  return archive.length >= 1024 && archive.subarray(-1024).every((byte) => byte === 0);
}
