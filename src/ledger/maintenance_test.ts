import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { preResetHeights } from "./pre-reset-height.ts";
import { base64, hex, utf8 } from "../base/bytes.ts";
import {
  flagsBeforeMvcc,
  goldenBlocks,
  goldenPrivateData,
  goldenValidation,
} from "../../tests/support/golden.ts";
import { commitOne } from "../../tests/support/test-ledger.ts";
import { syntheticGenesis } from "../../tests/support/synthetic-block.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { createLedgerProvider, openLedgerFile } from "./ledger-provider.ts";
import { rebuildLedger, resetLedgers, rollBackLedger } from "./maintenance.ts";
import type { PeerLedger } from "./types.ts";

const blocks = goldenBlocks();

function withLedger<T>(directory: string, run: (ledger: PeerLedger) => T): T {
  const provider = createLedgerProvider({ directory });
  try {
    return run(provider.open("mychannel"));
  } finally {
    provider.close();
  }
}

const summary = (ledger: PeerLedger) => ({
  height: ledger.info().height,
  commitHash: hex(ledger.commitHash() ?? utf8("")),
  state: [...ledger.stateEntries()].map(({ namespace, key, value, metadata, version }) =>
    JSON.stringify([namespace, base64(key), base64(value), metadata && base64(metadata), version])
  ),
});

/** Commits what is missing of the recording, from its flags; private data only where asked. */
function catchUp(ledger: PeerLedger, withPrivateData: boolean) {
  const recorded = goldenValidation();
  const privateData = goldenPrivateData();
  for (const block of blocks.slice(ledger.info().height)) {
    const number = Number(block.header?.number);
    ledger.commit({
      block,
      flags: flagsBeforeMvcc(recorded[number]),
      privateData: withPrivateData ? privateData.get(number) : undefined,
    });
  }
  return summary(ledger);
}

function recordedLedger(directory: string) {
  const provider = createLedgerProvider({ directory });
  provider.create("mychannel", blocks[0]);
  provider.close();
  return withLedger(directory, (ledger) => catchUp(ledger, true));
}

Deno.test("rolled back and caught up again, the ledger is what it was, private data included", () => {
  using directory = temporaryDirectory();
  const options = { directory: directory.path, channelId: "mychannel" };
  const before = recordedLedger(directory.path);
  rollBackLedger(options, 10);
  withLedger(directory.path, (ledger) => {
    assert.equal(ledger.info().height, 11);
    assert.deepEqual(ledger.blockByNumber(10), blocks[10]);
    assert.equal(hex(ledger.commitHash() ?? utf8("")), goldenValidation()[10].commitHash);
    assert.deepEqual(catchUp(ledger, false), before);
  });
  assert.deepEqual(readdirSync(join(directory.path, "mychannel")), [
    "__preResetHeight",
    "ledger.db",
  ]);
  assert.deepEqual([...preResetHeights(directory.path)], [["mychannel", 28]]);
});

Deno.test("a reset takes all channels to their genesis block", () => {
  using directory = temporaryDirectory();
  const before = recordedLedger(directory.path);
  assert.deepEqual(resetLedgers({ directory: directory.path }), ["mychannel"]);
  withLedger(directory.path, (ledger) => {
    assert.equal(ledger.info().height, 1);
    assert.deepEqual(catchUp(ledger, false), before);
  });
});

Deno.test("what is missing stays listed; what a reset left here is not missing", () => {
  using directory = temporaryDirectory();
  const options = { directory: directory.path, channelId: "mychannel" };
  recordedLedger(directory.path);
  rollBackLedger(options, 15);
  const lacks = { namespace: "assetcc", collection: "foreign", eligible: false };
  withLedger(directory.path, (ledger) => {
    ledger.commit({
      block: blocks[16],
      flags: new Uint8Array(3),
      // As a committer says that finds nothing in its transient store.
      missingPrivateData: [
        { txNumber: 0, namespace: "assetcc", collection: "both", eligible: true },
        { txNumber: 1, ...lacks },
      ],
    });
    const missing = [{ blockNumber: 16, txNumber: 1, ...lacks }];
    assert.deepEqual(ledger.missingPrivateData(10), missing);
  });
  rebuildLedger(options);
  withLedger(directory.path, (ledger) => {
    assert.deepEqual(ledger.missingPrivateData(10), [{ blockNumber: 16, txNumber: 1, ...lacks }]);
    assert.equal(ledger.privateDataOfBlock(16).size, 2);
  });
});

Deno.test("rebuilding gives the same state again", () => {
  using directory = temporaryDirectory();
  const before = recordedLedger(directory.path);
  rebuildLedger({ directory: directory.path, channelId: "mychannel" });
  assert.deepEqual(withLedger(directory.path, summary), before);
});

Deno.test("a rollback forward, of no ledger or under a running peer is refused", () => {
  using directory = temporaryDirectory();
  const options = { directory: directory.path, channelId: "mychannel" };
  recordedLedger(directory.path);
  assert.throws(() => rollBackLedger(options, 27), {
    code: "bad-rollback-target",
    message: "target block number [27] should be less than the biggest block number [27]",
  });
  assert.throws(() => rollBackLedger({ ...options, channelId: "other" }, 1), {
    code: "ledger-not-found",
    message: "ledgerID [other] does not exist",
  });
  withLedger(directory.path, () => {
    assert.throws(() => rollBackLedger(options, 1), { code: "ledger-locked" });
  });
  assert.equal(withLedger(directory.path, (ledger) => ledger.info().height), 28);
});

Deno.test("a full disk refuses the block; with room again the same block commits", () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "ledger.db");
  const ledger = openLedgerFile("mychannel", file, { directory: directory.path });
  try {
    const genesis = syntheticGenesis();
    ledger.commit({ block: genesis, flags: new Uint8Array(1) });
    const large = (i: number) =>
      commitOne(ledger, (s) => s.setState("cc", `k${i}`, new Uint8Array(200_000).fill(1)));
    large(0);
    ledger.database.exec("PRAGMA max_page_count=40");
    let committed = 1;
    assert.throws(() => {
      for (; committed < 100; committed++) large(committed);
    }, { code: "disk-full" });
    const { height } = ledger.info();
    assert.equal(height, committed + 1);
    assert.equal([...ledger.stateEntries()].length, height);
    assert.throws(() => ledger.blockByNumber(height), { code: "not-found" });
    ledger.database.exec("PRAGMA max_page_count=100000");
    large(committed);
    assert.equal(ledger.info().height, height + 1);
  } finally {
    ledger.close();
  }
});

/** Overwrites the first page of the state's table. */
function damageState(file: string): void {
  const database = new DatabaseSync(file);
  const root = database.prepare("SELECT rootpage FROM sqlite_master WHERE name = 'state'").get();
  const size = Number(database.prepare("PRAGMA page_size").get()?.page_size);
  database.close();
  const handle = openSync(file, "r+");
  writeSync(handle, new Uint8Array(size).fill(0xee), 0, size, (Number(root?.rootpage) - 1) * size);
  closeSync(handle);
}

Deno.test("a ledger whose state is damaged but whose blocks are not can be rebuilt", () => {
  using directory = temporaryDirectory();
  const before = recordedLedger(directory.path);
  damageState(join(directory.path, "mychannel", "ledger.db"));
  withLedger(directory.path, (ledger) => {
    assert.throws(() => [...ledger.stateEntries()], { code: "ledger-damaged" });
  });
  rebuildLedger({ directory: directory.path, channelId: "mychannel" });
  assert.deepEqual(withLedger(directory.path, summary), before);
});
