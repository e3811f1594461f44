/** `denim node reset|rollback|rebuild-dbs` on a development network and on a configured peer. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { toBinary } from "@bufbuild/protobuf";
import { hex } from "../src/base/bytes.ts";
import { BlockMetadataIndex, BlockSchema } from "../src/gen/common/common_pb.ts";
import { openLedgerForReading } from "../src/ledger/ledger-reader.ts";
import { blockMetadata, metadataSlot } from "../src/protocol/block.ts";
import { silentLogger } from "../src/base/logger.ts";
import { replay } from "../src/node/ledger-replay.ts";
import { readRecording } from "../src/node/recording.ts";
import { installAsset, Workplace } from "./support/denim.ts";
import { recordedOrNow } from "./support/golden-node.ts";
import { until } from "./support/until.ts";

const golden = fileURLToPath(new URL("./testdata/golden/", import.meta.url));
const channel = ["-C", "mychannel"];
const asset = ["-n", "asset"];

const height = async (work: Workplace) =>
  Number(/"height":(\d+)/.exec(await work.ok(["channel", "getinfo", "-c", "mychannel"]))?.[1]);

/** Blocks with flags and commit hashes, as a folder for `ledger replay`. */
function writeRecording(ledgers: string, folder: string): void {
  mkdirSync(join(folder, "blocks"), { recursive: true });
  const ledger = openLedgerForReading(ledgers, "mychannel");
  try {
    const validation = Array.from({ length: ledger.height() }, (_, number) => {
      const block = ledger.blockByNumber(number);
      writeFileSync(join(folder, "blocks", `${number}.block`), toBinary(BlockSchema, block));
      const flags = metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER);
      return {
        block: number,
        commitHash: hex(blockMetadata(block, BlockMetadataIndex.COMMIT_HASH).value),
        txs: [...flags].map((code, tx) => ({ tx, code })),
      };
    });
    writeFileSync(join(folder, "validation.json"), JSON.stringify(validation));
  } finally {
    ledger.close();
  }
}

Deno.test("a development network's peer is reset and rolled back, and is as before when it starts", async (t) => {
  await using work = new Workplace();
  await work.up("--runtime", "process");
  await work.ok(installAsset("1.0"));
  await work.ok([
    ...["chaincode", "instantiate", ...channel, ...asset, "-v", "1.0"],
    ...["-c", '{"Args":["init","a0","eve","9"]}'],
  ]);
  await until(
    "the deployment is committed",
    async () =>
      (await work.ok(["chaincode", "list", "--instantiated", ...channel])).includes("Name: asset,"),
  );
  for (const id of ["a1", "a2", "a3"]) {
    await work.ok([
      ...["chaincode", "invoke", ...channel, ...asset, "--waitForEvent"],
      ...["-c", JSON.stringify({ Args: ["create", id, "ann", "5"] })],
    ]);
  }
  const dump = () => work.ok(["ledger", "dump", ...channel, "--json"]);
  const before = await dump();
  const grown = await height(work);
  assert.ok(before.includes('"key":"a3"'));

  await t.step("not while the network runs", async () => {
    for (
      const command of [["reset"], ["rollback", "-c", "mychannel", "-b", "2"], ["rebuild-dbs"]]
    ) {
      const { code, err } = await work.run(["node", ...command]);
      assert.equal(code, 1);
      assert.match(
        err,
        /Error: as another peer node command is executing, wait for that command to complete its execution or terminate it before retrying/,
      );
    }
  });
  await t.step("what a running peer's ledger says is what the stopped one's does", async () => {
    await work.ok(["down"]);
    assert.equal(await dump(), before);
    assert.match(await work.ok(["ledger", "verify", ...channel]), /are what the blocks wrote/);
  });

  await t.step("its ledger, written out as a recording, replays to the same", async () => {
    const folder = join(work.directory, "recording");
    writeRecording(join(work.directory, ".denim/peers/peer0.org1.example.com/ledgersData"), folder);
    writeFileSync(join(folder, "state.json"), before);
    const out = await work.ok(["ledger", "replay", folder, "--mspid", "Org1MSP"]);
    assert.ok(out.endsWith("Equal to validation.json and state.json\n"), out);
  });

  const cases: [string, string[], number][] = [
    ["rollback", ["node", "rollback", "--channelID", "mychannel", "--blockNumber", "2"], 3],
    ["reset", ["node", "reset"], 1],
  ];
  for (const [name, command, left] of cases) {
    await t.step(`${name}, then caught up from the orderer`, async () => {
      const { code, err } = await work.run(command);
      assert.equal(code, 0, err);
      assert.match(
        err,
        /successfully (rolled back to the block number \[2\]|reset to the genesis)/,
      );
      const shorter = JSON.parse(await dump());
      assert.equal(shorter.savepoint, `${left - 1}:0`);
      assert.match(await work.ok(["ledger", "verify", ...channel]), new RegExp(`${left} blocks`));
      await work.up("--runtime", "process");
      const answer = await until("the peer has caught up", async () => {
        const { code, out, err } = await work.run([
          ...["chaincode", "query", ...channel, ...asset, "-c", '{"Args":["read","a3"]}'],
        ]);
        if (code === 0) return out;
        assert.match(err, /endorse requests are blocked while ledgers are being rebuilt/);
      });
      assert.match(answer, /"owner":"ann"/);
      assert.equal(await height(work), grown);
      assert.equal(await dump(), before);
      await work.ok(["down"]);
      const data = join(
        work.directory,
        ".denim/peers/peer0.org1.example.com/ledgersData/mychannel",
      );
      assert.ok(!existsSync(join(data, "__preResetHeight")));
    });
  }
});

Deno.test("a configured peer's ledgers: flags, refusals and what is left", async (t) => {
  await using work = new Workplace();
  const data = join(work.directory, "production");
  const environment = { CORE_PEER_FILESYSTEMPATH: data, FABRIC_LOGGING_SPEC: "info" };
  const node = (...args: string[]) => work.run(["node", ...args], { environment });
  const dump = () => work.ok(["ledger", "dump", ...channel, "--json"], { environment });

  await t.step("a peer without ledgers", async () => {
    const reset = await node("reset");
    assert.equal(reset.code, 0, reset.err);
    assert.match(reset.err, /No ledgers found\.\. exiting/);
    assert.ok(!existsSync(data));
    const rollback = await node("rollback", "-c", "mychannel", "-b", "1");
    assert.equal(rollback.code, 1);
    assert.match(rollback.err, /Error: ledgerID \[mychannel\] does not exist\nHint: .*production/);
  });

  await replay(readRecording(golden), {
    directory: join(data, "ledgersData"),
    mspId: "Org1MSP",
    clock: recordedOrNow,
    logger: silentLogger,
  });
  const whole = await dump();

  await t.step("wrong targets are refused with Fabric's words and change nothing", async () => {
    const refusals: [string[], RegExp][] = [
      [["rollback"], /^Error: Must supply channel ID\nUsage:/m],
      [["rollback", "-c", "nope", "-b", "1"], /Error: ledgerID \[nope\] does not exist/],
      [["rollback", "-c", "../x", "-b", "1"], /Error: ledgerID \[\.\.\/x\] does not exist/],
      [
        ["rollback", "-c", "mychannel", "-b", "27"],
        /Error: target block number \[27\] should be less than the biggest block number \[27\]/,
      ],
      [
        ["rollback", "-c", "mychannel", "-b", "-1"],
        /Error: invalid argument "-1" for "-b, --blockNumber"/,
      ],
      [
        ["rollback", "-c", "mychannel", "-b", "x"],
        /Error: invalid argument "x" for "-b, --blockNumber"/,
      ],
      [["reset", "--nope"], /Error: unknown flag: --nope/],
    ];
    for (const [args, expected] of refusals) {
      const { code, err } = await node(...args);
      assert.equal(code, 1);
      assert.match(err, expected);
    }
    assert.equal(await dump(), whole);
  });
  await t.step("a damaged state is made anew from the blocks", async () => {
    const file = join(data, "ledgersData", "mychannel", "ledger.db");
    const database = new DatabaseSync(file);
    const root = database.prepare("SELECT rootpage FROM sqlite_master WHERE name = 'state'").get();
    database.close();
    const bytes = Uint8Array.from(readFileSync(file));
    bytes.fill(0xee, 16_384 * (Number(root?.rootpage) - 1), 16_384 * Number(root?.rootpage));
    writeFileSync(file, bytes);
    const damaged = await work.run(["ledger", "dump", ...channel], { environment });
    assert.equal(damaged.code, 1);
    assert.match(damaged.err, /Error: .*ledger\.db is damaged/);
    assert.match(damaged.err, /Hint: .*denim node rebuild-dbs/);
    assert.equal((await node("rebuild-dbs")).code, 0);
    assert.equal(await dump(), whole);
  });
  await t.step("rolled back, the state is that of the block", async () => {
    const { code, err } = await node("rollback", "-c", "mychannel", "-b", "10");
    assert.equal(code, 0, err);
    assert.match(
      err,
      /The channel \[mychannel\] has been successfully rolled back to the block number \[10\]/,
    );
    assert.equal(
      readFileSync(join(data, "ledgersData/mychannel/__preResetHeight"), "utf8"),
      "28",
    );
    const { entries, savepoint } = JSON.parse(await dump());
    assert.equal(savepoint, "10:2");
    assert.ok(entries.every((entry: { version: { block: number } }) => entry.version.block <= 10));
    assert.equal((await node("reset")).code, 0);
    assert.equal(
      readFileSync(join(data, "ledgersData/mychannel/__preResetHeight"), "utf8"),
      "28",
    );
    assert.equal(JSON.parse(await dump()).savepoint, "0:0");
  });
});
