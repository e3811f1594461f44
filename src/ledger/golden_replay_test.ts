import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { type Block, BlockMetadataIndex, BlockSchema } from "../gen/common/common_pb.ts";
import { ConfigSchema } from "../gen/common/configtx_pb.ts";
import { base64, emptyBytes, fromBase64, hex } from "../base/bytes.ts";
import {
  flagsBeforeMvcc,
  goldenBlocks,
  goldenPrivateData,
  goldenState,
  goldenValidation,
} from "../../tests/support/golden.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { createLedgerProvider } from "./ledger-provider.ts";
import type { PeerLedger } from "./types.ts";

const blocks = goldenBlocks();
const validation = goldenValidation();

/** As the orderer delivers it: without what a peer adds to the metadata. */
function delivered(block: Block): Block {
  const slots = (block.metadata?.metadata ?? []).map((slot, index) =>
    index === BlockMetadataIndex.TRANSACTIONS_FILTER || index === BlockMetadataIndex.COMMIT_HASH
      ? emptyBytes
      : slot
  );
  return create(BlockSchema, {
    header: block.header,
    data: block.data,
    metadata: { metadata: slots },
  });
}

function replay(ledger: PeerLedger, from = 1): void {
  const privateData = goldenPrivateData();
  for (const block of blocks.slice(from)) {
    const number = Number(block.header?.number);
    const recorded = validation[number];
    const committed = ledger.commit({
      block: delivered(block),
      flags: flagsBeforeMvcc(recorded),
      privateData: privateData.get(number),
    });
    assert.deepEqual([...committed.flags], recorded.txs.map(({ code }) => code), recorded.title);
    assert.equal(hex(ledger.commitHash() ?? emptyBytes), recorded.commitHash, recorded.title);
    assert.deepEqual(committed.txIds, recorded.txs.map(({ txid }) => txid));
  }
}

Deno.test("the recorded chain replays to the recorded flags, commit hashes and world state", () => {
  using directory = temporaryDirectory();
  const provider = createLedgerProvider({ directory: directory.path });
  try {
    const ledger = provider.create("mychannel", delivered(blocks[0]));
    replay(ledger);
    const actual = [...ledger.stateEntries()].map((
      { namespace, key, value, metadata, version },
    ) => ({
      namespace,
      keyBase64: base64(key),
      valueBase64: base64(value),
      metadataBase64: metadata && base64(metadata),
      version: { block: version.blockNumber, tx: version.txNumber },
    }));
    const expected = goldenState().map((entry) => ({
      namespace: entry.namespace,
      keyBase64: entry.keyBase64,
      valueBase64: entry.valueBase64,
      metadataBase64: entry.metadataBase64,
      version: entry.version,
    }));
    const byKey = (a: { namespace: string; keyBase64: string }, b: typeof a) =>
      a.namespace < b.namespace
        ? -1
        : a.namespace > b.namespace
        ? 1
        : a.keyBase64 < b.keyBase64
        ? -1
        : 1;
    actual.sort(byKey);
    expected.sort(byKey);
    // The recording leaves out the configuration under the empty namespace.
    const [config] = actual.filter(({ namespace }) => namespace === "");
    const { block, tx } = config.version;
    assert.equal(fromBinary(ConfigSchema, fromBase64(config.valueBase64)).sequence, 4n);
    assert.deepEqual([validation[block].txs[tx].type, config.metadataBase64], [
      "CONFIG",
      undefined,
    ]);
    const others = (list: typeof actual) => list.filter(({ namespace }) => namespace !== "");
    assert.deepEqual(others(actual), expected);
    assert.ok(expected.length > 100);
  } finally {
    provider.close();
  }
});

Deno.test("blocks come back as the recorded peer stores them", () => {
  using directory = temporaryDirectory();
  const provider = createLedgerProvider({ directory: directory.path });
  try {
    replay(provider.create("mychannel", delivered(blocks[0])));
    const ledger = provider.open("mychannel");
    ledger.close();
    const again = provider.open("mychannel");
    for (const block of blocks) {
      assert.deepEqual(again.blockByNumber(Number(block.header?.number)), block);
    }
    assert.equal(hex(again.commitHash() ?? emptyBytes), validation.at(-1)?.commitHash);
  } finally {
    provider.close();
  }
});
