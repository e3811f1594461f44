/**
 * Rich queries with and without an index: `deno run -A tests/bench/rich-query.ts [documents]`.
 * One owner in a thousand has each name; the documents are about 150 bytes long.
 */
import { utf8 } from "../../src/base/bytes.ts";
import { commitOne } from "../support/test-ledger.ts";
import { instantiate, keysOf, page, richQueryLedger } from "../support/rich-query-ledger.ts";

const [documents = 100_000] = Deno.args.map(Number);
const perBlock = 5_000;
using test = richQueryLedger();
const { ledger } = test;

function measure<T>(what: string, run: () => T): T {
  const started = performance.now();
  const result = run();
  console.log(`${what}: ${(performance.now() - started).toFixed(1)} ms`);
  return result;
}

/** Commits all documents into a namespace. */
function fill(namespace: string): void {
  for (let first = 0; first < documents; first += perBlock) {
    commitOne(ledger, (simulator) => {
      for (let i = first; i < Math.min(first + perBlock, documents); i++) {
        const document = {
          docType: "asset",
          owner: `owner${i % 1_000}`,
          size: (i * 7919) % 10_007,
          color: ["red", "green", "blue"][i % 3],
          description: "x".repeat(60),
        };
        simulator.setState(namespace, `asset${i}`, utf8(JSON.stringify(document)));
      }
    });
  }
}

const queries: [string, unknown][] = [
  ["one owner", { selector: { docType: "asset", owner: "owner500" } }],
  ["one owner, sorted", {
    selector: { owner: "owner500", docType: "asset" },
    use_index: "d/owner",
  }],
  ["sizes below 100", { selector: { size: { $lt: 100 } } }],
  ["all of one color", { selector: { color: "red" } }],
  ["by a pattern", { selector: { owner: { $regex: "^owner5..$" } } }],
];
const indexes = {
  "indexes/owner.json": {
    index: { fields: ["docType", "owner"] },
    ddoc: "d",
    name: "owner",
    type: "json",
  },
  "indexes/size.json": { index: { fields: ["size"] }, ddoc: "d", name: "size", type: "json" },
};

measure(`commit of ${documents} documents without indexes`, () => fill("plain"));
for (const [what, query] of queries) {
  const keys = measure(`  ${what}`, () => keysOf(ledger, "plain", query));
  console.log(`    ${keys.length} results`);
}
test.packages.set("plain:1", indexes);
measure("two indexes over them", () => instantiate(ledger, "plain", "1"));
for (const [what, query] of queries) {
  const keys = measure(`  ${what}`, () => keysOf(ledger, "plain", query));
  console.log(`    ${keys.length} results`);
}
measure("  first page of 20", () => page(ledger, "plain", queries[2][1], 20, ""));
test.packages.set("indexed:1", indexes);
instantiate(ledger, "indexed", "1");
measure(`commit of ${documents} documents with two indexes`, () => fill("indexed"));
