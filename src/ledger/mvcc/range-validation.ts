/**
 * Phantom reads: would a range query still give what it gave? Mirrors
 * validator/statebasedval/range_query_validator.go and combined_iterator.go.
 */
import type { RangeQueryInfo } from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { compareUtf8, equal } from "../../base/bytes.ts";
import { kvRead } from "../rwset/builder.ts";
import { versionOf } from "../rwset/decode.ts";
import { RangeReadsCollector, sameSummary } from "../rwset/merkle-summary.ts";
import { sameVersion } from "../version.ts";
import type { CommittedState, KeyAtVersion } from "./committed-state.ts";
import type { KeyUpdates, PublicUpdates, Update } from "./update-batch.ts";

function* updatesInRange(
  updates: KeyUpdates | undefined,
  start: string,
  end: string,
): Generator<{ key: string; update: Update }> {
  if (updates === undefined) return;
  const keys: string[] = [];
  for (const key of updates.keys()) {
    if (compareUtf8(key, start) >= 0 && (end === "" || compareUtf8(key, end) < 0)) keys.push(key);
  }
  for (const key of keys.sort(compareUtf8)) {
    const update = updates.get(key);
    if (update) yield { key, update };
  }
}

/**
 * The range as it will be after the block's valid transactions so far; with `includeEnd` the end key
 * itself comes last.
 */
export function* combinedRange(
  state: CommittedState,
  updates: PublicUpdates,
  namespace: string,
  start: string,
  end: string,
  includeEnd: boolean,
): Generator<KeyAtVersion> {
  const committed = state.range(namespace, start, end);
  const changed = updatesInRange(updates.of(namespace), start, end);
  let old = committed.next();
  let next = changed.next();
  while (old !== undefined || !next.done) {
    const order = old === undefined ? 1 : next.done ? -1 : compareUtf8(old.key, next.value.key);
    if (order < 0 && old !== undefined) {
      const entry: KeyAtVersion = old;
      old = committed.next();
      yield entry;
    } else if (!next.done) {
      const { key, update } = next.value;
      next = changed.next();
      if (order === 0) old = committed.next();
      if (update.value !== undefined) yield { key, version: update.version };
    }
  }
  if (!includeEnd) return;
  const update = updates.get(namespace, end);
  if (update !== undefined) {
    if (update.value !== undefined) yield { key: end, version: update.version };
    return;
  }
  const header = state.header(namespace, end);
  if (header !== undefined) yield { key: end, version: header.version };
}

function rawReadsHold(query: RangeQueryInfo, results: Generator<KeyAtVersion>): boolean {
  const reads = query.readsInfo.case === "rawReads" ? query.readsInfo.value.kvReads : [];
  for (const read of reads) {
    const result = results.next();
    if (result.done || result.value.key !== read.key) return false;
    if (!sameVersion(result.value.version, versionOf(read.version))) return false;
  }
  return results.next().done === true;
}

function summaryHolds(query: RangeQueryInfo, results: Generator<KeyAtVersion>): boolean {
  if (query.readsInfo.case !== "readsMerkleHashes") return false;
  const expected = query.readsInfo.value;
  // A degree below 2 builds no tree: such a summary can hold for nothing.
  if (expected.maxDegree < 2) return false;
  const collector = new RangeReadsCollector(expected.maxDegree);
  let matched = 0;
  for (const { key, version } of results) {
    collector.add(kvRead(key, version));
    const summary = collector.summary();
    if (summary.maxLevel < expected.maxLevel) continue;
    if (summary.maxLevel > expected.maxLevel) return false;
    if (matched === summary.maxLevelHashes.length) continue;
    if (summary.maxLevelHashes.length > expected.maxLevelHashes.length) return false;
    if (!equal(summary.maxLevelHashes[matched], expected.maxLevelHashes[matched])) return false;
    matched++;
  }
  const finished = collector.finish();
  return "summary" in finished && sameSummary(expected, finished.summary);
}

/** Whether the query still gives the same keys at the same versions. */
export function rangeQueryHolds(
  state: CommittedState,
  updates: PublicUpdates,
  namespace: string,
  query: RangeQueryInfo,
): boolean {
  // A query left early recorded the last key it saw as its end: that key belongs to it.
  const results = combinedRange(
    state,
    updates,
    namespace,
    query.startKey,
    query.endKey,
    !query.itrExhausted,
  );
  return query.readsInfo.case === "readsMerkleHashes"
    ? summaryHolds(query, results)
    : rawReadsHold(query, results);
}
