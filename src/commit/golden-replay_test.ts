import assert from "node:assert/strict";
import { base64, emptyBytes, hex } from "../base/bytes.ts";
import {
  flagsBeforeMvcc,
  goldenBlocks,
  goldenPrivateData,
  goldenState,
  goldenValidation,
} from "../../tests/support/golden.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { delivered, openRecordedChannel } from "../../tests/support/recorded-channel.ts";

const blocks = goldenBlocks();
const validation = goldenValidation();

Deno.test("the recorded chain commits with the recorded flags, hashes and world state", async () => {
  using directory = temporaryDirectory();
  using channel = openRecordedChannel(directory.path, blocks[0]);
  const privateData = goldenPrivateData();
  for (const block of blocks.slice(1)) {
    const number = Number(block.header?.number);
    const recorded = validation[number];
    for (const [tx, set] of privateData.get(number) ?? []) {
      channel.ledger.transientStore.persist(recorded.txs[tx].txid, number, set);
    }
    const flags = await channel.validator.validate(delivered(block));
    assert.deepEqual([...flags], [...flagsBeforeMvcc(recorded)], `${number}: ${recorded.title}`);
    const committed = await channel.committer.commitBlock(delivered(block));
    const codes = recorded.txs.map(({ code }) => code);
    assert.deepEqual([...committed.flags], codes, `${number}: ${recorded.title}`);
    assert.equal(hex(channel.ledger.commitHash() ?? emptyBytes), recorded.commitHash);
  }
  assert.equal(channel.ledger.info().height, blocks.length);
  assert.equal(channel.bundle().sequence, 4);
  const actual = new Map(
    [...channel.ledger.stateEntries()].map((entry) => [
      `${entry.namespace}\0${base64(entry.key)}`,
      [
        base64(entry.value),
        entry.metadata && base64(entry.metadata),
        entry.version.blockNumber,
        entry.version.txNumber,
      ],
    ]),
  );
  for (const entry of goldenState()) {
    assert.deepEqual(
      actual.get(`${entry.namespace}\0${entry.keyBase64}`),
      [entry.valueBase64, entry.metadataBase64, entry.version.block, entry.version.tx],
      `${entry.namespace} ${entry.key ?? entry.keyBase64}`,
    );
  }
});
