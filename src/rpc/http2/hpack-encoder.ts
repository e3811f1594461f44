/**
 * Header lists into HPACK without a table of our own: what gRPC answers with is a handful of constant
 * blocks, encoded once for all connections.
 */

const literalWithoutIndexing = 0x00;
const staticStatus200 = 0x88;
const maxShortLength = 0x7f;

/** @param fields names in lower case; `:status: 200` is one byte */
export function encodeHeaders(
  fields: Iterable<readonly [name: string, value: string]>,
): Uint8Array {
  const bytes: number[] = [];
  for (const [name, value] of fields) {
    if (name === ":status" && value === "200") {
      bytes.push(staticStatus200);
      continue;
    }
    bytes.push(literalWithoutIndexing);
    pushString(bytes, name);
    pushString(bytes, value);
  }
  return Uint8Array.from(bytes);
}

function pushString(bytes: number[], text: string): void {
  pushLength(bytes, text.length);
  for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i) & 0xff);
}

function pushLength(bytes: number[], length: number): void {
  if (length < maxShortLength) {
    bytes.push(length);
    return;
  }
  bytes.push(maxShortLength);
  let rest = length - maxShortLength;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push(rest % 128 | 0x80);
  bytes.push(rest);
}
