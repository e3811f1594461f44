import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import { systemClock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import { BlockSchema, HeaderType } from "../gen/common/common_pb.ts";
import { Deliver, type FilteredBlock } from "../gen/peer/events_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import { toFilteredBlock } from "./filtered-block.ts";
import { registerPeerDeliver } from "./peer-deliver.ts";
import { MemoryChannel, seekEnvelope } from "./testing.ts";

const golden = new URL("../../tests/testdata/golden/", import.meta.url);
const blocks = readdirSync(new URL("blocks/", golden)).filter((name) => name.endsWith(".block"))
  .sort().map((name) => fromBinary(BlockSchema, readFileSync(new URL(`blocks/${name}`, golden))));

interface RecordedBlock {
  number: number;
  transactions: { txid: string; code: number }[];
}

/** txids.txt: block tx txid code name. */
function recordedTransactions(): Map<number, RecordedBlock["transactions"]> {
  const byBlock = new Map<number, RecordedBlock["transactions"]>();
  for (const line of readFileSync(new URL("txids.txt", golden), "utf8").trim().split("\n")) {
    const [block, , txid, code] = line.split(/\s+/);
    const list = byBlock.get(Number(block)) ?? [];
    list.push({ txid, code: Number(code) });
    byBlock.set(Number(block), list);
  }
  return byBlock;
}

Deno.test("filtered blocks carry the recorded ids and codes, and events without payload", () => {
  const recorded = recordedTransactions();
  let events = 0;
  let compared = 0;
  for (const block of blocks) {
    let filtered: FilteredBlock;
    try {
      filtered = toFilteredBlock(block);
    } catch (error) {
      assert.ok(error instanceof DenimError); // a recorded block with a broken transaction
      continue;
    }
    assert.equal(filtered.number, block.header?.number);
    const expected = recorded.get(Number(filtered.number)) ?? [];
    const ids = new Map(expected.map((tx) => [tx.txid, tx.code]));
    for (const tx of filtered.filteredTransactions) {
      if (tx.type !== HeaderType.ENDORSER_TRANSACTION || !ids.has(tx.txid)) continue;
      compared++;
      if (tx.Data.case !== "transactionActions") continue;
      for (const action of tx.Data.value.chaincodeActions) {
        events++;
        assert.equal(action.chaincodeEvent?.payload.length, 0);
        assert.notEqual(action.chaincodeEvent?.eventName, "");
      }
    }
    const flags = block.metadata?.metadata[2] ?? new Uint8Array();
    if (filtered.filteredTransactions.length === flags.length) {
      assert.deepEqual(
        filtered.filteredTransactions.map((tx) => tx.txValidationCode as number),
        [...flags],
      );
    }
  }
  assert.ok(compared > 50 && events > 0, `${compared} transactions, ${events} events`);
});

Deno.test("clients of the peer's Deliver service get blocks and filtered blocks", async () => {
  const channel = new MemoryChannel(0);
  for (const block of blocks.slice(0, 6)) channel.add(block);
  const asked: string[] = [];
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  registerPeerDeliver(server, {
    channel: (id) => id === "mychannel" ? channel : undefined,
    mutualTls: false,
    clock: systemClock,
    logger: silentLogger,
    privateData: () => undefined,
    acl: { check: (resource, channelId) => void asked.push(`${resource} ${channelId}`) },
  });
  const client = createRpcClient({ address: server.address });
  try {
    const full = client.stream(Deliver.method.deliver);
    await full.send(seekEnvelope({ clock: systemClock, start: "oldest", stop: "newest" }));
    full.closeSend();
    const answers = await Array.fromAsync(full.responses);
    assert.deepEqual(
      answers.map(({ Type }) => Type.case === "block" ? Type.value.header?.number : Type.value),
      [0n, 1n, 2n, 3n, 4n, 5n, 200],
    );
    const filtered = client.stream(Deliver.method.deliverFiltered);
    await filtered.send(seekEnvelope({ clock: systemClock, start: "newest", stop: 1000 }));
    const reader = filtered.responses[Symbol.asyncIterator]();
    const first = (await reader.next()).value;
    assert.equal(first?.Type.case, "filteredBlock");
    channel.add(blocks[6]);
    const second = (await reader.next()).value;
    assert.equal(second?.Type.case === "filteredBlock" && second.Type.value.number, 6n);
    filtered.cancel();
    assert.deepEqual(asked, ["event/Block mychannel", "event/FilteredBlock mychannel"]);
  } finally {
    await client.close();
    await server.close(50);
  }
});
