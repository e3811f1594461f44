/** Header lists out of HPACK (RFC 7541). One decoder for one direction of one connection. */
import { latin1 } from "../../base/bytes.ts";
import { decodeHuffman } from "./huffman.ts";
import { ConnectionError, ErrorCode } from "./protocol.ts";

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** Our SETTINGS_HEADER_TABLE_SIZE: the one that holds where SETTINGS say nothing. */
export const maxTableBytes = 4096;

/** What an entry costs beyond its text. */
const entryOverheadBytes = 32;

/** No integer in a header block is larger; beyond it sums would lose bits. */
const maxInteger = 2 ** 28;

const field = (name: string, value = ""): HeaderField => ({ name, value });

/** Entries 1 to 61 of appendix A. */
const staticTable: readonly HeaderField[] = [
  field(":authority"),
  field(":method", "GET"),
  field(":method", "POST"),
  field(":path", "/"),
  field(":path", "/index.html"),
  field(":scheme", "http"),
  field(":scheme", "https"),
  ...["200", "204", "206", "304", "400", "404", "500"].map((status) => field(":status", status)),
  field("accept-charset"),
  field("accept-encoding", "gzip, deflate"),
  ...[
    "accept-language accept-ranges accept access-control-allow-origin age allow authorization",
    "cache-control content-disposition content-encoding content-language content-length",
    "content-location content-range content-type cookie date etag expect expires from host if-match",
    "if-modified-since if-none-match if-range if-unmodified-since last-modified link location",
    "max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server",
    "set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate",
  ].flatMap((names) => names.split(" ").map((name) => field(name))),
];

/** What a header list costs by RFC 9113, section 6.5.2, for a limit on it. */
export function fieldBytes({ name, value }: HeaderField): number {
  return name.length + value.length + entryOverheadBytes;
}

export class HpackDecoder {
  /** Oldest first. */
  readonly #dynamic: HeaderField[] = [];
  #dynamicBytes = 0;
  #limitBytes = maxTableBytes;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  /**
   * The fields of a whole header block. Beyond `maxListBytes` fields are still decoded, because later
   * blocks refer to them, but left out.
   *
   * @throws ConnectionError COMPRESSION_ERROR: what follows on this connection cannot be read
   */
  decode(block: Uint8Array, maxListBytes: number): { fields: HeaderField[]; tooLarge: boolean } {
    this.#block = block;
    this.#at = 0;
    const fields: HeaderField[] = [];
    let listBytes = 0;
    while (this.#at < block.length) {
      const first = block[this.#at];
      if ((first & 0xe0) === 0x20) {
        if (fields.length > 0) throw invalid("table size update after a field");
        this.#resize(this.#integer(5));
        continue;
      }
      const decoded = this.#field(first);
      listBytes += fieldBytes(decoded);
      if (listBytes <= maxListBytes) fields.push(decoded);
    }
    return { fields, tooLarge: listBytes > maxListBytes };
  }

  #field(first: number): HeaderField {
    if (first & 0x80) return this.#entry(this.#integer(7));
    const indexed = (first & 0x40) !== 0;
    const nameIndex = this.#integer(indexed ? 6 : 4);
    const name = nameIndex === 0 ? this.#string() : this.#entry(nameIndex).name;
    const decoded = { name, value: this.#string() };
    if (indexed) this.#add(decoded);
    return decoded;
  }

  #entry(index: number): HeaderField {
    const entry = index <= staticTable.length
      ? staticTable[index - 1]
      : this.#dynamic[this.#dynamic.length - (index - staticTable.length)];
    if (entry === undefined) throw invalid(`no table entry ${index}`);
    return entry;
  }

  #add(entry: HeaderField): void {
    this.#dynamic.push(entry);
    this.#dynamicBytes += fieldBytes(entry);
    this.#evict();
  }

  #resize(bytes: number): void {
    if (bytes > maxTableBytes) throw invalid(`table size ${bytes} above ${maxTableBytes}`);
    this.#limitBytes = bytes;
    this.#evict();
  }

  #evict(): void {
    while (this.#dynamicBytes > this.#limitBytes) {
      const oldest = this.#dynamic.shift();
      if (oldest === undefined) return;
      this.#dynamicBytes -= fieldBytes(oldest);
    }
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let scale = 1;; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (value > maxInteger) throw invalid("integer too large");
      if (byte < 0x80) return value;
      // Zeros that go on for ever.
      if (scale > maxInteger) throw invalid("integer too long");
    }
  }

  #string(): string {
    const huffman = (this.#block[this.#at] & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#block.length) throw invalid("string beyond the header block");
    this.#at = end;
    return huffman
      ? decodeHuffman(this.#block, start, end)
      : latin1(this.#block.subarray(start, end));
  }

  #byte(): number {
    if (this.#at >= this.#block.length) throw invalid("header block ends within a field");
    return this.#block[this.#at++];
  }
}

function invalid(reason: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, reason);
}
