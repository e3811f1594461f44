import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { hex } from "../../base/bytes.ts";
import { QueryReadsSchema } from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { kvRead } from "./builder.ts";
import { RangeReadsCollector, sameSummary } from "./merkle-summary.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const reads = (count: number) =>
  Array.from({ length: count }, (_, i) => kvRead(`k${i}`, { blockNumber: 1, txNumber: i }));

function groups<T>(items: T[], size: number): T[][] {
  const list: T[][] = [];
  for (let i = 0; i < items.length; i += size) list.push(items.slice(i, i + size));
  return list;
}

/** The same tree built at once, level by level: groups of degree + 1, a lone last one goes up as it is. */
function treeAtOnce(count: number, degree: number): { level: number; hashes: Buffer[] } {
  let level = 1;
  let hashes = groups(reads(count), degree + 1).map((kvReads) =>
    sha256(toBinary(QueryReadsSchema, create(QueryReadsSchema, { kvReads })))
  );
  while (hashes.length > degree) {
    hashes = groups(hashes, degree + 1).map((group) =>
      group.length === 1 ? group[0] : sha256(Buffer.concat(group))
    );
    level++;
  }
  return { level, hashes };
}

Deno.test("few reads stay raw, more become the tree of all of them", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 700 }),
      fc.integer({ min: 2, max: 9 }),
      (count, degree) => {
        const collector = new RangeReadsCollector(degree);
        for (const read of reads(count)) collector.add(read);
        const finished = collector.finish();
        if (count <= degree) {
          assert.deepEqual(finished, { reads: reads(count) });
          return;
        }
        assert.ok("summary" in finished);
        const { level, hashes } = treeAtOnce(count, degree);
        const { maxDegree, maxLevel, maxLevelHashes } = finished.summary;
        assert.deepEqual([maxDegree, maxLevel], [degree, level]);
        assert.deepEqual(maxLevelHashes.map(hex), hashes.map(hex));
      },
    ),
  );
});

Deno.test("summaries differ where one read differs", () => {
  const summaryOf = (change: number) => {
    const collector = new RangeReadsCollector(3);
    reads(100).forEach((read, i) => {
      collector.add(i === change ? kvRead(read.key, undefined) : read);
    });
    const finished = collector.finish();
    assert.ok("summary" in finished);
    return finished.summary;
  };
  assert.ok(sameSummary(summaryOf(-1), summaryOf(-1)));
  for (const change of [0, 50, 99]) assert.ok(!sameSummary(summaryOf(-1), summaryOf(change)));
});
