/**
 * What a range query read: raw reads while they are few, a Merkle summary of them when they are
 * more than the degree. Mirrors rwsetutil/query_results_helper.go.
 */
import { create } from "@bufbuild/protobuf";
import {
  type KVRead,
  type QueryReadsMerkleSummary,
  QueryReadsMerkleSummarySchema,
  QueryReadsSchema,
} from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { equal } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { encodeWire } from "../../protocol/wire-encoder.ts";

const leafLevel = 1;

/** Hashes by level; a level with more than `degree` hashes becomes one hash of the next level. */
class MerkleTree {
  readonly #levels = new Map<number, Uint8Array[]>();
  maxLevel = leafLevel;

  constructor(readonly degree: number) {}

  get empty(): boolean {
    return this.maxLevel === leafLevel && this.maxLevelHashes.length === 0;
  }

  get maxLevelHashes(): Uint8Array[] {
    return this.#levels.get(this.maxLevel) ?? [];
  }

  addLeaf(hash: Uint8Array): void {
    this.#push(leafLevel, hash);
    for (let level = leafLevel;; level++) {
      const hashes = this.#levels.get(level) ?? [];
      if (hashes.length <= this.degree) return;
      this.#levels.delete(level);
      this.#push(level + 1, sha256(...hashes));
      this.maxLevel = Math.max(this.maxLevel, level + 1);
    }
  }

  /** Lifts what is left on lower levels, a single hash as it is. */
  complete(): void {
    for (let level = leafLevel; level < this.maxLevel; level++) {
      const hashes = this.#levels.get(level) ?? [];
      if (hashes.length === 0) continue;
      this.#levels.delete(level);
      this.#push(level + 1, hashes.length === 1 ? hashes[0] : sha256(...hashes));
    }
    const top = this.maxLevelHashes;
    if (top.length > this.degree) {
      this.#levels.delete(this.maxLevel);
      this.maxLevel++;
      this.#levels.set(this.maxLevel, [sha256(...top)]);
    }
  }

  summary(): QueryReadsMerkleSummary {
    return create(QueryReadsMerkleSummarySchema, {
      maxDegree: this.degree,
      maxLevel: this.maxLevel,
      maxLevelHashes: [...this.maxLevelHashes],
    });
  }

  #push(level: number, hash: Uint8Array): void {
    const hashes = this.#levels.get(level);
    if (hashes) hashes.push(hash);
    else this.#levels.set(level, [hash]);
  }
}

/** Collects the reads of one range query. @param degree at least 2 */
export class RangeReadsCollector {
  #pending: KVRead[] = [];
  readonly #tree: MerkleTree;

  constructor(degree: number) {
    this.#tree = new MerkleTree(degree);
  }

  add(read: KVRead): void {
    this.#pending.push(read);
    if (this.#pending.length > this.#tree.degree) this.#hashPending();
  }

  /** The tree as it stands, to compare while results still come. */
  summary(): QueryReadsMerkleSummary {
    return this.#tree.summary();
  }

  /** Ends collecting: either the raw reads (maybe none) or a summary. */
  finish(): { reads: KVRead[] } | { summary: QueryReadsMerkleSummary } {
    if (this.#tree.empty) return { reads: this.#pending };
    if (this.#pending.length > 0) this.#hashPending();
    this.#tree.complete();
    return { summary: this.#tree.summary() };
  }

  #hashPending(): void {
    const bytes = encodeWire(
      QueryReadsSchema,
      create(QueryReadsSchema, { kvReads: this.#pending }),
    );
    this.#pending = [];
    this.#tree.addLeaf(sha256(bytes));
  }
}

/** Same degree, level and hashes. */
export function sameSummary(a: QueryReadsMerkleSummary, b: QueryReadsMerkleSummary): boolean {
  return a.maxDegree === b.maxDegree && a.maxLevel === b.maxLevel &&
    a.maxLevelHashes.length === b.maxLevelHashes.length &&
    a.maxLevelHashes.every((hash, i) => equal(hash, b.maxLevelHashes[i]));
}
