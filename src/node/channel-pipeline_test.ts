import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { silentLogger } from "../base/logger.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import {
  type Block,
  BlockMetadataIndex,
  LastConfigSchema,
  MetadataSchema,
} from "../gen/common/common_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { createLedgerProvider } from "../ledger/ledger-provider.ts";
import { blockHeaderHash, metadataSlot, newBlock, setMetadataSlot } from "../protocol/block.ts";
import { goldenBlocks } from "../../tests/support/golden.ts";
import { delivered, recordedTime } from "../../tests/support/recorded-channel.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { ChannelPipeline } from "./channel-pipeline.ts";

/** Two updates of the recorded channel's configuration. */
const [genesis, first, second] = goldenBlocks().slice(0, 3).map(delivered);
const dataOf = (block: Block) => block.data?.data ?? [];

/** A block on `previous`, of which the orderer says that the configuration in force is `lastConfig`. */
function ordered(previous: Block, data: Uint8Array[], lastConfig: bigint | "missing"): Block {
  assert.ok(previous.header);
  const block = newBlock(previous.header.number + 1n, blockHeaderHash(previous.header), data);
  if (lastConfig === "missing") block.metadata?.metadata.splice(1);
  else {
    const value = toBinary(LastConfigSchema, create(LastConfigSchema, { index: lastConfig }));
    const metadata = create(MetadataSchema, { value });
    setMetadataSlot(block, BlockMetadataIndex.LAST_CONFIG, toBinary(MetadataSchema, metadata));
  }
  return block;
}

/** Commits blocks on the recorded genesis, closes the ledger and opens it again. */
async function reopened(
  makeBlocks: () => Block[],
  check: (pipeline: ChannelPipeline) => void,
): Promise<void> {
  using directory = temporaryDirectory();
  const ecdsa = createEcdsaProvider();
  const open = (ledgers: ReturnType<typeof createLedgerProvider>, start: boolean) =>
    new ChannelPipeline(start ? ledgers.create("mychannel", genesis) : ledgers.open("mychannel"), {
      ecdsa,
      newEligibility: () => () => true,
      clock: { now: () => recordedTime },
      logger: silentLogger,
    });
  try {
    for (const start of [true, false]) {
      const ledgers = createLedgerProvider({ directory: directory.path });
      try {
        const pipeline = open(ledgers, start);
        if (start) {
          for (const block of makeBlocks()) await pipeline.committer.commitBlock(block);
        }
        check(pipeline);
      } finally {
        ledgers.close();
      }
    }
  } finally {
    ecdsa.close?.();
  }
}

Deno.test("a channel whose configuration came behind another transaction opens again with it", async () => {
  const garbage = new Uint8Array([1, 2, 3]);
  const block = ordered(genesis, [garbage, ...dataOf(first)], 1n);
  await reopened(() => [block], (pipeline) => {
    assert.deepEqual(
      [...metadataSlot(pipeline.ledger.blockByNumber(1), BlockMetadataIndex.TRANSACTIONS_FILTER)],
      [TxValidationCode.INVALID_OTHER_REASON, TxValidationCode.VALID],
    );
    assert.equal(pipeline.bundle().sequence, 2);
    assert.equal(pipeline.configBlock().header?.number, 1n);
  });
});

for (const lie of [0n, 1n, 3n, 99n, "missing"] as const) {
  Deno.test(`what an orderer says of the last configuration (${lie}) decides nothing`, async () => {
    const last = ordered(second, [new Uint8Array([1])], lie);
    await reopened(() => [first, second, last], (pipeline) => {
      assert.equal(pipeline.ledger.info().height, 4);
      assert.equal(pipeline.bundle().sequence, 3);
      assert.equal(pipeline.configBlock().header?.number, 2n);
    });
  });
}
