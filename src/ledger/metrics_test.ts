import assert from "node:assert/strict";
import { flagsBeforeMvcc, goldenBlocks, goldenValidation } from "../../tests/support/golden.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { disabledMetrics } from "../base/metrics.ts";
import { RecordingMetrics } from "../base/metrics_testkit.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { createLedgerProvider } from "./ledger-provider.ts";
import { createLedgerMetrics } from "./metrics.ts";

Deno.test("heights, commits and every transaction of a channel are counted", () => {
  using directory = temporaryDirectory();
  const blocks = goldenBlocks();
  const validation = goldenValidation();
  const metrics = new RecordingMetrics();
  const open = () =>
    createLedgerProvider({ directory: directory.path, metrics: createLedgerMetrics(metrics) });
  const valueOf = (series: string) =>
    Number(metrics.lines().find((line) => line.startsWith(`${series} `))?.slice(series.length + 1));
  const provider = open();
  try {
    const ledger = provider.create("mychannel", blocks[0]);
    assert.equal(valueOf("ledger_blockchain_height{mychannel}"), 1);
    for (const block of blocks.slice(1)) {
      ledger.commit({ block, flags: flagsBeforeMvcc(validation[Number(block.header?.number)]) });
    }
  } finally {
    provider.close();
  }
  assert.equal(valueOf("ledger_blockchain_height{mychannel}"), blocks.length);
  for (
    const name of [
      "block_processing_time",
      "blockstorage_commit_time",
      "blockstorage_and_pvtdata_commit_time",
      "statedb_commit_time",
    ]
  ) assert.equal(valueOf(`ledger_${name}{mychannel}`), blocks.length, name);
  const transactions = metrics.lines().flatMap((line) => {
    const match = /^ledger_transaction_count\{mychannel,(.*),(.*),(.*)\} (\d+)$/.exec(line);
    return match ? [{ type: match[1], chaincode: match[2], code: match[3], count: +match[4] }] : [];
  });
  const count = (where: (counted: typeof transactions[0]) => boolean) =>
    transactions.filter(where).reduce((sum, { count }) => sum + count, 0);
  const recorded = validation.flatMap(({ txs }) => txs);
  assert.equal(count(() => true), recorded.length);
  for (const code of new Set(recorded.map(({ code }) => code))) {
    assert.equal(
      count((counted) => counted.code === TxValidationCode[code]),
      recorded.filter((transaction) => transaction.code === code).length,
      TxValidationCode[code],
    );
  }
  const configs = recorded.filter(({ type, code }) => type === "CONFIG" && code === 0).length;
  assert(configs > 1);
  assert.equal(
    count(({ type, chaincode }) => type === "CONFIG" && chaincode === "unknown"),
    configs,
  );
  assert(
    count(({ type, chaincode, code }) =>
      type === "ENDORSER_TRANSACTION" && chaincode === "assetcc:2.0" && code === "VALID"
    ) > 0,
  );
  assert(transactions.every(({ type, code }) => type !== "unknown" || code !== "VALID"));

  const again = open();
  try {
    again.open("mychannel");
    assert.equal(valueOf("ledger_blockchain_height{mychannel}"), blocks.length);
  } finally {
    again.close();
  }
});

Deno.test("where nobody counts, ledgers have no metrics", () => {
  assert.equal(createLedgerMetrics(disabledMetrics), undefined);
});
