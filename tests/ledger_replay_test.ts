/** `denim ledger replay` as people use it, on the recording and on copies that differ. */
import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../src/base/logger.ts";
import { replay } from "../src/node/ledger-replay.ts";
import { readRecording } from "../src/node/recording.ts";
import { Workplace } from "./support/denim.ts";
import {
  type Changeable,
  changeBlock,
  changeJson,
  golden,
  parts,
  recordingIn,
  replayOf,
} from "./support/recording.ts";
import { temporaryDirectory } from "./support/temporary.ts";

Deno.test("replay of the recording: each block's hash and flags, equal, exit code 0", async () => {
  await using work = new Workplace();
  const { code, out, err } = await work.run(replayOf(golden));
  assert.equal(code, 0, err);
  assert.equal(err, "");
  const validation = JSON.parse(readFileSync(join(golden, "validation.json"), "utf8"));
  for (const { block, commitHash, txs } of validation) {
    assert.ok(out.includes(`block ${block}  commit hash ${commitHash ?? "none"}\n`));
    for (const { tx, name, txid } of txs) {
      assert.ok(out.includes(`  ${tx}  ${name}  ${txid}\n`), `${block} ${tx}`);
    }
  }
  assert.ok(out.endsWith("Equal to validation.json and state.json\n"));
});

Deno.test("replay --json: flags, hashes and the state in the recording's own form", async () => {
  await using work = new Workplace();
  const result = JSON.parse(await work.ok(replayOf(golden, "--json")));
  const validation = JSON.parse(readFileSync(join(golden, "validation.json"), "utf8"));
  assert.equal(result.channel, "mychannel");
  assert.deepEqual(result.differences, []);
  assert.deepEqual(result.compared, ["validation.json", "state.json"]);
  assert.deepEqual(
    result.blocks.map((block: Changeable) => [
      block.block,
      block.commitHash,
      block.txs.map((tx: Changeable) => [tx.tx, tx.txid, tx.code, tx.name]),
    ]),
    validation.map((block: Changeable) => [
      block.block,
      block.commitHash ?? "",
      block.txs.map((tx: Changeable) => [tx.tx, tx.txid, tx.code, tx.name]),
    ]),
  );
  assert.deepEqual(
    result.state,
    JSON.parse(readFileSync(join(golden, "state.json"), "utf8")).entries,
  );
});

Deno.test("what differs from the recording is named, exit code 1", async (t) => {
  await using work = new Workplace();
  const cases: Record<string, [(folder: string) => void, RegExp, (RegExp | undefined)?]> = {
    "a flag": [
      (folder) =>
        changeJson(join(folder, "validation.json"), (blocks) => {
          Object.assign(blocks[6].txs[1], { code: 0, name: "VALID" });
        }),
      /^Difference: block 6, transaction 1 \(85527d39[0-9a-f]+\): recorded VALID, here MVCC_READ_CONFLICT\n$/,
    ],
    "a commit hash": [
      (folder) =>
        changeJson(join(folder, "validation.json"), (blocks) => {
          blocks[7].commitHash = "00".repeat(32);
        }),
      /^Difference: block 7: recorded commit hash 0{64}, here [0-9a-f]{64}\n$/,
    ],
    "a value, a version and a missing entry of the state": [
      (folder) =>
        changeJson(join(folder, "state.json"), ({ entries }) => {
          entries[3].valueBase64 = "AAAA";
          entries[4].version.tx = 99;
          entries.splice(5, 1);
        }),
      /^(Difference: state assetcc key ".*": (recorded value AAAA, here .*|recorded version \d+\.99, here .*|here, but not recorded)\n){3}$/,
    ],
    "an entry that was never written": [
      (folder) =>
        changeJson(join(folder, "state.json"), ({ entries }) => {
          entries.push({ ...entries[0], namespace: "nowhere" });
        }),
      /^Difference: state nowhere key "base64:": recorded, but missing here\n$/,
    ],
    "private data": [
      (folder) => changeJson(join(folder, "pvtdata.json"), (entries) => entries.splice(-1, 1)),
      /Difference: state assetcc\$\$pthird key "t1": recorded, but missing here\n/,
    ],
    "no private data at all": [
      (folder) => rmSync(join(folder, "pvtdata.json")),
      /Difference: state assetcc\$\$pboth key /,
    ],
    "a block's transaction": [
      (folder) =>
        changeBlock(join(folder, "blocks", "0027.block"), (block) => {
          const bytes = block.data!.data[0].slice();
          bytes[bytes.length - 1] ^= 1;
          block.data!.data[0] = bytes;
        }),
      /Difference: block 27, transaction 0 \(45dea5b9[0-9a-f]+\): recorded VALID, here BAD_CREATOR_SIGNATURE\n(.*\n)*Difference: block 27: recorded data hash /,
    ],
    "a block's header": [
      (folder) =>
        changeBlock(join(folder, "blocks", "0012.block"), (block) => {
          block.header!.dataHash = new Uint8Array(32);
        }),
      /Difference: block 13 cannot be committed: .*unexpected previous block hash in block \[13\]/,
      /^block 12 /m,
    ],
    "a block that is recorded only in words": [
      (folder) => rmSync(join(folder, "blocks", "0027.block")),
      /^Difference: block 27: recorded, but there is no such block\n/,
    ],
  };
  for (const [name, [change, expected, printed]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const folder = recordingIn(work, name.replaceAll(" ", "-"));
      change(folder);
      const { code, out, err } = await work.run(replayOf(folder));
      assert.equal(code, 1);
      assert.match(err, expected);
      if (printed) assert.match(out, printed);
      assert.doesNotMatch(out, /Equal to/);
      if (!name.startsWith("a block")) return;
      const json = await work.run(replayOf(folder, "--json"));
      assert.equal(json.code, 1);
      assert.ok(JSON.parse(json.out).differences.length > 0);
    });
  }
});

Deno.test("a folder that is laid out otherwise is still the same recording", async (t) => {
  await using work = new Workplace();
  const cases: Record<string, (folder: string) => void> = {
    "blocks count by number, not by file name": (folder) => {
      for (const name of readdirSync(join(folder, "blocks"))) {
        const other = String(99 - Number(name.slice(0, 4)));
        renameSync(join(folder, "blocks", name), join(folder, "blocks", `x${other}.block`));
      }
    },
    "block 0 lies among the blocks only": (folder) => {
      rmSync(join(folder, "artifacts"), { recursive: true });
    },
    "block 0 lies among the artifacts only": (folder) => {
      rmSync(join(folder, "blocks", "0000.block"));
    },
    "a block is there twice": (folder) => {
      cpSync(join(folder, "blocks", "0009.block"), join(folder, "blocks", "again.block"));
      changeBlock(join(folder, "blocks", "again.block"), (block) => block.metadata!.metadata.pop());
    },
    "other files and other channels' first blocks lie about": (folder) => {
      rmSync(join(folder, "blocks", "0000.block"));
      cpSync(join(golden, "artifacts"), join(folder, "artifacts"), { recursive: true });
      writeFileSync(join(folder, "artifacts", "broken.block"), "no block");
      writeFileSync(join(folder, "blocks", "README"), "notes");
      writeFileSync(join(folder, "blocks", "0005.json"), "{}");
      mkdirSync(join(folder, "more"));
    },
    "blocks as an orderer keeps them, without a peer's metadata": (folder) => {
      for (const name of readdirSync(join(folder, "blocks"))) {
        changeBlock(join(folder, "blocks", name), (block) => block.metadata!.metadata.splice(2));
      }
    },
    "flags by name only, no hashes": (folder) => {
      changeJson(join(folder, "validation.json"), (blocks) => {
        for (const block of blocks) {
          delete block.commitHash;
          delete block.dataHash;
          for (const tx of block.txs) delete tx.code;
        }
      });
    },
  };
  for (const [name, change] of Object.entries(cases)) {
    await t.step(name, async () => {
      const folder = recordingIn(work, name.replace(/\W+/g, "-"));
      change(folder);
      const { code, out, err } = await work.run(replayOf(folder));
      assert.equal(code, 0, err);
      assert.ok(out.endsWith("Equal to validation.json and state.json\n"));
    });
  }
});

Deno.test("without anything to compare with, replay shows what it made of the blocks", async () => {
  await using work = new Workplace();
  const folder = recordingIn(work, "bare");
  for (const part of parts.slice(1)) rmSync(join(folder, part));
  const { code, out } = await work.run(replayOf(folder));
  assert.equal(code, 0);
  assert.match(out, /Nothing to compare with/);
  rmSync(join(folder, "blocks"), { recursive: true });
  const first = await work.run(replayOf(folder));
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /^block 0 {2}commit hash none\n {2}0 {2}VALID {2}\nNothing to compare/);
});

Deno.test("a peer of another organisation keeps the data of its collections only", async () => {
  await using work = new Workplace();
  const org2 = await work.run(["ledger", "replay", golden, "--mspid", "Org2MSP"]);
  assert.equal(org2.code, 0, org2.err);
  const stranger = await work.run(["ledger", "replay", golden, "--mspid", "Org3MSP"]);
  assert.equal(stranger.code, 1);
  assert.match(stranger.err, /^(Difference: state assetcc\$\$p\w+ key .* missing here\n)+/);
  assert.doesNotMatch(stranger.err, /block \d/);
});

Deno.test("a recording outlives its certificates, those of TLS too", async () => {
  const recording = readRecording(golden);
  for (const year of [1990, 2026, 2099]) {
    using directory = temporaryDirectory();
    const { differences, stopped } = await replay(recording, {
      directory: directory.path,
      mspId: "Org1MSP",
      clock: { now: () => Date.UTC(year, 0, 1) },
      logger: silentLogger,
    });
    assert.deepEqual(differences, []);
    assert.equal(stopped, undefined);
  }
});
