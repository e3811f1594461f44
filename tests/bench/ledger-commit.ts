/**
 * How long the ledger takes for a block: `deno run -A tests/bench/ledger-commit.ts [transactions] [blocks]`.
 * Each transaction reads the chaincode's definition and its key, and writes its key (about 3.2 kB).
 */
import { createHash } from "node:crypto";
import { createLedgerProvider } from "../../src/ledger/ledger-provider.ts";
import { ReadWriteSetBuilder } from "../../src/ledger/rwset/builder.ts";
import { syntheticBlock, syntheticGenesis } from "../support/synthetic-block.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const [transactions = 500, blocks = 60] = Deno.args.map(Number);
using directory = temporaryDirectory();
const provider = createLedgerProvider({ directory: directory.path });
const ledger = provider.create("mychannel", syntheticGenesis());
const value = new Uint8Array(120).fill(7);
const milliseconds: number[] = [];
for (let number = 1; number <= blocks; number++) {
  const list = Array.from({ length: transactions }, (_, i) => {
    const txId = createHash("sha256").update(`${number}.${i}`).digest("hex");
    const builder = new ReadWriteSetBuilder();
    builder.addRead("lscc", "assetcc", undefined);
    builder.addRead("assetcc", `key${txId}`, undefined);
    builder.addWrite("assetcc", `key${txId}`, value);
    return { txId, results: builder.build().publicBytes, ballast: 2_800 };
  });
  const block = syntheticBlock(number, ledger.info().currentBlockHash, list);
  const flags = new Uint8Array(transactions);
  const started = performance.now();
  ledger.commit({ block, flags });
  milliseconds.push(performance.now() - started);
}
milliseconds.sort((a, b) => a - b);
const at = (share: number) => milliseconds[Math.floor(share * (blocks - 1))].toFixed(1);
console.log(`commit of ${transactions}: median ${at(0.5)} ms, 90 % ${at(0.9)}, max ${at(1)}`);

let started = performance.now();
const rounds = 20_000;
for (let i = 0; i < rounds; i++) {
  const simulator = ledger.newSimulator(`tx${i}`);
  simulator.getState("lscc", "assetcc");
  simulator.getState("assetcc", "key");
  simulator.setState("assetcc", "key", value);
  simulator.results();
  simulator.done();
}
const each = (performance.now() - started) / rounds * 1000;
console.log(`simulation of two reads and a write: ${each.toFixed(1)} µs`);
started = performance.now();
let count = 0;
for (const _ of ledger.stateEntries()) count++;
console.log(`scan of ${count} keys: ${(performance.now() - started).toFixed(0)} ms`);
console.log(`resident: ${(Deno.memoryUsage().rss / 1e6).toFixed(0)} MB`);
provider.close();
