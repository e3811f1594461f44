/** Of two orderers one lies. */
import assert from "node:assert/strict";
import { clone } from "@bufbuild/protobuf";
import { sleep } from "../base/async.ts";
import { concat } from "../base/bytes.ts";
import { type Block, BlockSchema } from "../gen/common/common_pb.ts";
import { blockDataHash } from "../protocol/block.ts";
import { createDeliverClient } from "./deliver-client.ts";

import { type Answer, blockResponse, blocks, honest, withOrderers } from "./deliver_testkit.ts";

/** Serves one block changed by `lie`, then goes on as if nothing had happened. */
function liar(at: number, lie: (block: Block) => void): Answer {
  return async function* (from, signal) {
    for (const block of blocks.slice(from)) {
      const copy = clone(BlockSchema, block);
      if (Number(copy.header?.number) === at) lie(copy);
      yield blockResponse(copy);
    }
    await sleep(600_000, signal);
  };
}

const lies: Record<string, (block: Block) => void> = {
  "a gap": (block) => {
    if (block.header) block.header.number += 1n;
  },
  "another previous hash": (block) => {
    if (block.header) block.header.previousHash = new Uint8Array(32);
  },
  "changed data": (block) => {
    block.data?.data.pop();
  },
  "changed data with its hash": (block) => {
    block.data?.data.pop();
    if (block.header && block.data) block.header.dataHash = blockDataHash(block.data.data);
  },
  "data divided differently": (block) => {
    if (block.data) block.data.data = [concat(...block.data.data)];
  },
  "no signature": (block) => {
    if (block.metadata) block.metadata.metadata[0] = new Uint8Array(0);
  },
  "a truncated signature": (block) => {
    const slots = block.metadata?.metadata ?? [];
    slots[0] = slots[0].subarray(0, slots[0].length - 20);
  },
  "a signature that does not fit": (block) => {
    const slots = block.metadata?.metadata ?? [];
    slots[0] = slots[0].slice();
    slots[0][slots[0].length - 3] ^= 1;
  },
  "another block's signature": (block) => {
    const slots = block.metadata?.metadata ?? [];
    slots[0] = blocks[4].metadata?.metadata[0] ?? new Uint8Array(0);
  },
  "no header": (block) => {
    block.header = undefined;
  },
  "no metadata and no data": (block) => {
    block.metadata = undefined;
    block.data = undefined;
  },
};

for (const [name, lie] of Object.entries(lies)) {
  Deno.test(`of two orderers one lies (${name}): the other one is asked, once and for good`, async () => {
    await withOrderers([liar(5, lie), honest], async (run) => {
      const client = createDeliverClient(run.options);
      client.start();
      await run.height(blocks.length);
      await client.stop();
      assert.deepEqual(await client.ended, { kind: "stopped" });
      assert.equal(run.warnings.length, 1, run.warnings.join("\n"));
      assert.equal(run.orderers[0].seeks.length, 1);
      assert.equal(run.orderers[1].seeks.length, 1);
      for (const block of blocks) {
        const number = Number(block.header?.number);
        assert.deepEqual(run.channel.ledger.blockByNumber(number).data, block.data);
      }
    });
  });
}
