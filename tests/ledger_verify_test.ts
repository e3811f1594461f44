/** `denim ledger dump|verify` on a stopped peer's ledger, whole and tampered with. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { silentLogger } from "../src/base/logger.ts";
import { rollBackLedger } from "../src/ledger/maintenance.ts";
import { replay } from "../src/node/ledger-replay.ts";
import { readRecording } from "../src/node/recording.ts";
import { Workplace } from "./support/denim.ts";

const golden = fileURLToPath(new URL("./testdata/golden/", import.meta.url));

/** The recording as the ledger of a stopped peer. */
async function peerWithRecording(work: Workplace): Promise<string> {
  const data = join(work.directory, "peer-data");
  await replay(readRecording(golden), {
    directory: join(data, "ledgersData"),
    mspId: "Org1MSP",
    clock: { now: () => Date.UTC(2027, 0, 1) },
    logger: silentLogger,
  });
  return data;
}

Deno.test("dump prints a stopped peer's state exactly as a recording has it", async () => {
  await using work = new Workplace();
  const data = await peerWithRecording(work);
  const recorded = JSON.parse(readFileSync(join(golden, "state.json"), "utf8"));
  const dumped = JSON.parse(
    await work.ok(["ledger", "dump", "-C", "mychannel", "--data", data, "--json"]),
  );
  // Also the order of the fields.
  assert.equal(JSON.stringify(dumped), JSON.stringify(recorded));
  const byVariable = await work.ok(["ledger", "dump", "-C", "mychannel"], {
    environment: { CORE_PEER_FILESYSTEMPATH: data },
  });
  assert.equal(byVariable.trimEnd().split("\n").length, recorded.entries.length);
  const missing = await work.run(["ledger", "dump", "-C", "nope", "--data", data]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /cannot open the ledger of channel nope in .*there is no ledger/);
});

Deno.test("verify finds what was changed behind the peer's back and names it", async (t) => {
  await using work = new Workplace();
  const data = await peerWithRecording(work);
  const file = join(data, "ledgersData", "mychannel", "ledger.db");
  const verify = () => work.run(["ledger", "verify", "-C", "mychannel", "--data", data]);
  // Block 11 is one that 1.4.2's orderers would not have made: its data could be divided otherwise.
  rewind(file, 11);
  const sound = await verify();
  assert.equal(sound.code, 0, sound.err);
  assert.match(sound.out, /^Channel mychannel: 11 blocks with 52 transactions; .* are right/);
  const original = readFileSync(file);
  const cases: Record<string, [string, RegExp]> = {
    "a transaction's bytes": [
      "UPDATE transactions SET envelope = CAST(envelope || x'1a00' AS BLOB) WHERE block = 6 AND code = 0",
      /Error: block 6 of channel mychannel in .*ledger\.db: Header\.DataHash is different/,
    ],
    "a missing transaction": [
      "DELETE FROM transactions WHERE ordinal = (SELECT first_tx FROM blocks WHERE number = 7)",
      /Error: block 7 of channel mychannel/,
    ],
    "a flag in the index": [
      "UPDATE transactions SET code = 0 WHERE block = 9 AND code = 10",
      /Error: block 9 of channel mychannel .*transaction 0 is indexed with flag 0, not 10/,
    ],
    "a transaction id in the index": [
      "UPDATE transactions SET txid = 'ab' WHERE block = 3",
      /Error: block 3 of channel mychannel .*transaction 0 is indexed under id ab, not 2d78022d/,
    ],
    "a block's metadata": [
      "UPDATE blocks SET metadata = (SELECT metadata FROM blocks WHERE number = 4) WHERE number = 5",
      /Error: block 5 of channel mychannel/,
    ],
    "a missing block": [
      "DELETE FROM blocks WHERE number = 5",
      /Error: block 5 of channel mychannel .*not found/i,
    ],
    "a value of the state": [
      "UPDATE state SET value = x'0102' WHERE rowid = (SELECT MIN(rowid) FROM state WHERE block = 5)",
      /Error: the state of channel mychannel in .*ledger\.db: namespace \w+, key ".*" has another value/,
    ],
    "a missing key of the state": [
      "DELETE FROM state WHERE rowid = (SELECT MIN(rowid) FROM state WHERE block = 5)",
      /Error: the state of channel mychannel .* is missing/,
    ],
  };
  for (const [name, [sql, expected]] of Object.entries(cases)) {
    await t.step(name, async () => {
      writeFileSync(file, original);
      const database = new DatabaseSync(file);
      database.exec(sql);
      database.close();
      const { code, out, err } = await verify();
      assert.equal(code, 1, out);
      assert.match(err, expected);
      assert.match(err, /Hint: .*denim node r/);
      assert.doesNotMatch(err, /defect in denim/);
    });
  }
  await t.step("damaged pages", async () => {
    const bytes = Uint8Array.from(original);
    bytes.fill(0xee, 16_384 * 4, 16_384 * 5);
    writeFileSync(file, bytes);
    const { code, err } = await verify();
    assert.equal(code, 1);
    assert.match(err, /ledger\.db is damaged/);
    assert.match(err, /Hint: .*denim node r/);
  });
});

/** Takes the ledger back, as `node rollback` would. */
function rewind(file: string, height: number): void {
  const directory = join(file, "..", "..");
  rollBackLedger({ directory, channelId: "mychannel" }, height - 1);
}
