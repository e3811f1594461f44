/** Sets of bytes: the named classes of patterns. */
import type { ByteSet } from "./syntax.ts";

export function setOf(holds: (byte: number) => boolean): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => holds(byte) ? 1 : 0);
}

const among = (...ranges: [number, number][]) =>
  setOf((byte) => ranges.some(([from, to]) => byte >= from && byte <= to));
export const single = (byte: number) => among([byte, byte]);
export const complement = (set: ByteSet) => setOf((byte) => set[byte] === 0);
export const union = (a: ByteSet, b: ByteSet) => setOf((byte) => a[byte] + b[byte] > 0);

/** Adds the other case of each ASCII letter. */
export function caseless(set: ByteSet): ByteSet {
  return setOf((byte) => {
    const letter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
    return set[byte] === 1 || letter && set[byte ^ 0x20] === 1;
  });
}

const digit = among([0x30, 0x39]);
const lower = among([0x61, 0x7a]);
const upper = among([0x41, 0x5a]);
const alpha = union(lower, upper);
const alnum = union(alpha, digit);
const space = among([0x09, 0x0d], [0x20, 0x20]);
const horizontal = among([0x09, 0x09], [0x20, 0x20], [0xa0, 0xa0]);
const vertical = among([0x0a, 0x0d], [0x85, 0x85]);
const graph = among([0x21, 0x7e]);
export const word = union(alnum, single(0x5f));
export const newline = single(0x0a);
export const anyByte = setOf(() => true);

/** By the letter after the backslash. */
export const escapes: Readonly<Record<string, ByteSet>> = {
  d: digit,
  D: complement(digit),
  w: word,
  W: complement(word),
  s: space,
  S: complement(space),
  h: horizontal,
  H: complement(horizontal),
  v: vertical,
  V: complement(vertical),
  N: complement(newline),
};

/** By the name in `[:name:]`. */
export const posixClasses: Readonly<Record<string, ByteSet>> = {
  alnum,
  alpha,
  ascii: among([0, 0x7f]),
  blank: among([0x09, 0x09], [0x20, 0x20]),
  cntrl: among([0, 0x1f], [0x7f, 0x7f]),
  digit,
  graph,
  lower,
  print: among([0x20, 0x7e]),
  punct: setOf((byte) => graph[byte] === 1 && alnum[byte] === 0),
  space,
  upper,
  word,
  xdigit: union(digit, among([0x41, 0x46], [0x61, 0x66])),
};
