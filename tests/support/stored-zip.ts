/** A zip archive without compression, as Go's module proxies hand out. */
import { crc32 } from "node:zlib";
import { concat, utf8 } from "../../src/base/bytes.ts";

/** @param files content by name */
export function storedZip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  const entries = Object.entries(files);
  for (const [path, content] of entries) {
    const name = utf8(path);
    /** What the file's own header and its entry in the directory have in common. */
    const common = numbers(
      [2, 20], // version that can read it
      [2, 0], // flags
      [2, 0], // stored
      [2, 0], // time
      [2, 0x21], // date: the first that there is
      [4, crc32(content)],
      [4, content.length],
      [4, content.length],
      [2, name.length],
      [2, 0], // extra fields
    );
    directory.push(
      concat(
        numbers([4, 0x02014b50], [2, 20]),
        common,
        numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
        name,
      ),
    );
    const local = concat(numbers([4, 0x04034b50]), common, name, content);
    parts.push(local);
    offset += local.length;
  }
  const central = concat(...directory);
  const end = numbers(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, entries.length],
    [2, entries.length],
    [4, central.length],
    [4, offset],
    [2, 0],
  );
  return concat(...parts, central, end);
}

/** Little-endian numbers of 2 or 4 bytes. */
function numbers(...fields: readonly (readonly [size: 2 | 4, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((length, [size]) => length + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}
