/**
 * Combinations of principals that satisfy several policies at once, for chaincode that calls other
 * chaincode. Mirrors common/policies/inquire/merge.go, so that a Go peer comes to the same layouts.
 */
import type { Principals } from "./principals.ts";

/** Principals by number, as often as different peers have to sign for them. */
export type PrincipalSet = readonly number[];

/** Pairs of combinations that are merged for two policies; of more, this many are taken. */
export const maxMergedCombinations = 2_000;

/** Combinations of one side that are looked at where there are more pairs than that. */
const maxMergeInputs = 2_000;

export interface MergeOptions {
  /** Can known peers be all of these? Asked past the limit only. */
  readonly satisfiable?: (set: PrincipalSet) => boolean;
  readonly maxMergedCombinations?: number;
}

/** One set with what it contains, as bits. */
interface Bits {
  readonly set: PrincipalSet;
  readonly own: Uint32Array;
  /** The principals that signers for this set are. */
  readonly covered: Uint32Array;
}

type Pair = readonly [contained: PrincipalSet, containing: PrincipalSet];

/** Every set of the result satisfies both policies that the arguments satisfy. */
export function mergeCombinations(
  first: readonly PrincipalSet[],
  second: readonly PrincipalSet[],
  principals: Principals,
  options: MergeOptions = {},
): readonly PrincipalSet[] {
  const limit = options.maxMergedCombinations ?? maxMergedCombinations;
  if (first.length * second.length > limit) {
    // What no known peers can sign for would take the place of what they can.
    const { satisfiable = () => true } = options;
    [first, second] = [first, second].map((sets) => {
      const possible = sets.filter(satisfiable);
      return (possible.length > 0 ? possible : sets).slice(0, maxMergeInputs);
    });
  }
  let s1 = first.map((set) => bitsOf(set, principals));
  let s2 = second.map((set) => bitsOf(set, principals));
  const in1 = containedIn(s1, s2);
  const pairs: Pair[] = pairsOf(in1, s1, s2, limit);
  s1 = without(s1, new Set(in1.keys()));
  const in2 = containedIn(s2, s1);
  pairs.push(...pairsOf(in2, s2, s1, limit));
  s2 = without(s2, new Set(in2.keys()));
  s1 = without(s1, new Set([...in2.values()].flat()));
  // As in Fabric, these count positions of the second list before it became shorter.
  s2 = without(s2, new Set([...in1.values()].flat()));
  pairs.push(...product(s1, s2, limit - pairs.length));
  return reduce(pairs.map((pair) => mergePair(pair, principals)), principals.size);
}

function bitsOf(set: PrincipalSet, principals: Principals): Bits {
  const own = bits(set, principals.size);
  const covered = bits(set.flatMap((one) => principals.includedIn(one)), principals.size);
  return { set, own, covered };
}

function bits(set: PrincipalSet, size: number): Uint32Array {
  const words = new Uint32Array((size >>> 5) + 1);
  for (const one of set) words[one >>> 5] |= 1 << (one & 31);
  return words;
}

function isSubset(a: Uint32Array, b: Uint32Array): boolean {
  for (let word = 0; word < a.length; word++) if ((a[word] & ~b[word]) !== 0) return false;
  return true;
}

/** For each of `sets` that is contained in others: where those are. */
function containedIn(sets: readonly Bits[], others: readonly Bits[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const [i, { own }] of sets.entries()) {
    const containing: number[] = [];
    for (let j = 0; j < others.length; j++) {
      if (isSubset(own, others[j].covered)) containing.push(j);
    }
    if (containing.length > 0) found.set(i, containing);
  }
  return found;
}

function pairsOf(
  found: ReadonlyMap<number, readonly number[]>,
  sets: readonly Bits[],
  others: readonly Bits[],
  limit: number,
): Pair[] {
  const pairs: Pair[] = [];
  for (const [i, containing] of found) {
    for (const j of containing) {
      if (pairs.length >= limit) return pairs;
      pairs.push([sets[i].set, others[j].set]);
    }
  }
  return pairs;
}

function without(sets: readonly Bits[], positions: ReadonlySet<number>): Bits[] {
  return sets.filter((_, i) => !positions.has(i));
}

/** All pairs; past the limit, as many with each of the first list. */
function product(s1: readonly Bits[], s2: readonly Bits[], limit: number): Pair[] {
  if (s1.length === 0 || s2.length === 0 || limit <= 0) return [];
  if (s1.length * s2.length <= limit) {
    return s1.flatMap((x) => s2.map((y): Pair => [x.set, y.set]));
  }
  const rows = Math.min(s1.length, limit);
  const columns = Math.max(1, Math.floor(limit / rows));
  return s1.slice(0, rows).flatMap((x, i) =>
    Array.from({ length: columns }, (_, j): Pair => [x.set, s2[(i + j) % s2.length].set])
  );
}

/** The containing set, and what of the contained one its signers do not cover one for one. */
function mergePair([contained, containing]: Pair, principals: Principals): PrincipalSet {
  const used = new Set<number>();
  const added = contained.filter((one) => {
    const cover = containing.findIndex((other, i) => !used.has(i) && principals.isA(other, one));
    if (cover >= 0) used.add(cover);
    return cover < 0;
  });
  return [...containing, ...added];
}

/** Leaves out sets that contain others, until there are none. */
function reduce(sets: readonly PrincipalSet[], size: number): readonly PrincipalSet[] {
  let current = sets;
  for (;;) {
    const reduced = reduceOnce(current, size);
    if (reduced.length === current.length) return reduced;
    current = reduced;
  }
}

/** How often a principal occurs does not matter here, and the last word counts: both as in Fabric. */
function reduceOnce(sets: readonly PrincipalSet[], size: number): readonly PrincipalSet[] {
  const all = sets.map((set) => bits(set, size));
  return sets.filter((_, i) => {
    let containing = false;
    for (let j = 0; j < all.length; j++) {
      if (i === j) continue;
      if (isSubset(all[j], all[i])) containing = true;
      if (i < j && isSubset(all[i], all[j])) containing = false;
    }
    return !containing;
  });
}
