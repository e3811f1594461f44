/** Strings in HPACK's Huffman code (RFC 7541, section 5.2 and appendix B). */
import { ConnectionError, ErrorCode } from "./protocol.ts";

/**
 * Bits of the code of each byte, and of the end of string last; A is 5. The code is canonical: codes
 * are given out by length, and by symbol among equals, so that lengths are all there is to know.
 */
const codeLengths =
  "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHFIBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJB" +
  "KABABABBBACCBBBABCBAABCCCCCKGJIXPRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRS" +
  "VVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ";

const endOfString = 256;
const noNode = 0;

/** A binary tree: the child of node `n` for bit `b` is at `2n + b`; leaves are `-1 - symbol`. */
function buildTree(): Int16Array {
  const symbols = Array.from(codeLengths, (letter, symbol) => ({
    symbol,
    bits: letter.charCodeAt(0) - "A".charCodeAt(0) + 5,
  })).sort((a, b) => a.bits - b.bits || a.symbol - b.symbol);
  const tree = new Int16Array(2 * symbols.length);
  let nodes = 1;
  let code = 0;
  let length = symbols[0].bits;
  for (const { symbol, bits } of symbols) {
    code *= 2 ** (bits - length);
    length = bits;
    let node = 0;
    for (let bit = bits - 1; bit > 0; bit--) {
      const at = 2 * node + (code >>> bit & 1);
      if (tree[at] === noNode) tree[at] = nodes++;
      node = tree[at];
    }
    tree[2 * node + (code & 1)] = -1 - symbol;
    code++;
  }
  return tree;
}

const tree = buildTree();

/** Padding is shorter than a byte. */
const maxPaddingBits = 7;

/** @throws ConnectionError COMPRESSION_ERROR for a code that is none or wrong padding */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let node = 0;
  let pendingBits = 0;
  let onlyOnes = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    for (let bit = 7; bit >= 0; bit--) {
      const value = byte >>> bit & 1;
      const next = tree[2 * node + value];
      pendingBits++;
      if (value === 0) onlyOnes = false;
      if (next >= 0) {
        node = next;
        continue;
      }
      const symbol = -1 - next;
      if (symbol === endOfString) throw invalid("end of string within a string");
      text += String.fromCharCode(symbol);
      node = 0;
      pendingBits = 0;
      onlyOnes = true;
    }
  }
  if (pendingBits > maxPaddingBits || !onlyOnes) throw invalid("wrong padding of a string");
  return text;
}

function invalid(reason: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, reason);
}
