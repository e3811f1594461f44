/** `denim ledger replay` on what is no recording, or a damaged one. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { DenimError } from "../src/base/errors.ts";
import { silentLogger } from "../src/base/logger.ts";
import { replay } from "../src/node/ledger-replay.ts";
import { readRecording } from "../src/node/recording.ts";
import { Workplace } from "./support/denim.ts";
import { mutate, mutations } from "./support/mutations.ts";
import {
  changeBlock,
  changeJson,
  golden,
  parts,
  recordingIn,
  replayOf,
} from "./support/recording.ts";
import { temporaryDirectory } from "./support/temporary.ts";

Deno.test("what is no recording is refused with the file's name, never with a stack trace", async (t) => {
  await using work = new Workplace();
  const cases: Record<string, [(folder: string) => void, RegExp]> = {
    "no such folder": [
      (folder) => rmSync(folder, { recursive: true }),
      /Error: there is no folder .*no-such-folder/,
    ],
    "an empty folder": [
      (folder) => {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      },
      /Error: there is no first block in .*artifacts/,
    ],
    "a gap": [
      (folder) => rmSync(join(folder, "blocks", "0009.block")),
      /Error: block 9 is missing, but block 10 is there/,
    ],
    "no beginning": [
      (folder) => {
        rmSync(join(folder, "artifacts"), { recursive: true });
        for (let i = 0; i < 5; i++) rmSync(join(folder, "blocks", `000${i}.block`));
      },
      /Error: there is no first block of channel mychannel in .*, only block 5 and later/,
    ],
    "garbage as a block": [
      (folder) => writeFileSync(join(folder, "blocks", "0009.block"), "garbage"),
      /Error: .*0009\.block is not a block: /,
    ],
    "an empty block": [
      (folder) => writeFileSync(join(folder, "blocks", "0009.block"), ""),
      /Error: .*0009\.block is not a block: it has no header/,
    ],
    "a block cut off": [
      (folder) => {
        const file = join(folder, "blocks", "0009.block");
        writeFileSync(file, readFileSync(file).subarray(0, 3000));
      },
      /Error: .*0009\.block is not a block: /,
    ],
    "two different blocks of one number": [
      (folder) => {
        cpSync(join(folder, "blocks", "0009.block"), join(folder, "blocks", "again.block"));
        changeBlock(join(folder, "blocks", "again.block"), (block) => block.data!.data.pop());
      },
      /Error: .*0009\.block and .*again\.block are both block 9, but differ/,
    ],
    "first blocks of several channels and nothing that tells": [
      (folder) => {
        rmSync(join(folder, "blocks"), { recursive: true });
        for (const part of parts.slice(1)) rmSync(join(folder, part), { force: true });
        const other = join(folder, "artifacts", "other.block");
        cpSync(join(folder, "artifacts", "mychannel.block"), other);
        changeBlock(other, (block) => block.metadata!.metadata.pop());
      },
      /Error: .*artifacts has the first blocks of several channels \(mychannel, mychannel\)/,
    ],
    "the system channel": [
      (folder) => {
        rmSync(folder, { recursive: true });
        mkdirSync(join(folder, "blocks"), { recursive: true });
        cpSync(join(golden, "artifacts/genesis.block"), join(folder, "blocks/0000.block"));
      },
      /Error: block 0 is not the first block of a channel: .*missing Application configuration group/,
    ],
    "validation.json is no JSON": [
      (folder) => writeFileSync(join(folder, "validation.json"), "["),
      /Error: .*validation\.json cannot be read: /,
    ],
    "validation.json is something else": [
      (folder) => writeFileSync(join(folder, "validation.json"), '{"blocks":[{"block":"one"}]}'),
      /Error: .*validation\.json: element 0 of "blocks" of the file has no number "block"/,
    ],
    "state.json is null inside": [
      (folder) => writeFileSync(join(folder, "state.json"), '{"entries":[null]}'),
      /Error: .*state\.json: element 0 of "entries" of the file is not an object/,
    ],
    "pvtdata.json with bytes that are none": [
      (folder) =>
        changeJson(join(folder, "pvtdata.json"), (entries) => {
          entries[0].collectionPvtReadWriteSetBase64 = "////";
        }),
      /Error: .*pvtdata\.json: block 16, transaction 0: /,
    ],
  };
  for (const [name, [change, expected]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const folder = recordingIn(work, name.replace(/\W+/g, "-"));
      change(folder);
      const { code, out, err } = await work.run(replayOf(folder, "--json"));
      assert.equal(code, 1);
      assert.equal(out, "");
      assert.match(err, expected);
      assert.doesNotMatch(err, /defect in denim|\n {4}at /);
    });
  }
  await t.step("no mspid, no folder", async () => {
    assert.match((await work.run(["ledger", "replay", golden])).err, /--mspid must name/);
    assert.match((await work.run(["ledger", "replay", "--mspid", "X"])).err, /name one folder/);
  });
});

Deno.test("a recording with any bytes changed is refused, or replayed up to what cannot be", async () => {
  await using work = new Workplace();
  const folder = recordingIn(work, "mutated");
  const files = [
    ...readdirSync(join(folder, "blocks")).map((name) => join("blocks", name)),
    ...parts.slice(1),
  ].map((name) => join(folder, name));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), mutations, async (file, changes) => {
      const original = readFileSync(file);
      writeFileSync(file, mutate(original, changes));
      using directory = temporaryDirectory();
      try {
        const { differences, stopped } = await replay(readRecording(folder), {
          directory: directory.path,
          mspId: "Org1MSP",
          clock: { now: () => Date.UTC(2027, 0, 1) },
          logger: silentLogger,
        });
        // What stops a replay is a reason that a person can read, not a mistake of ours.
        if (stopped !== undefined) {
          assert.match(stopped, /^block \d+ cannot be committed: \[mychannel\] /);
          assert.ok(differences.includes(stopped));
        }
      } catch (error) {
        assert.ok(error instanceof DenimError, String(error));
      } finally {
        writeFileSync(file, original);
      }
    }),
    { numRuns: 60 },
  );
});
