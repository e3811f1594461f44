/** Chaincode that misuses its stream without breaking the protocol: floods, leaks, dawdles. */
import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { text, utf8 } from "../base/bytes.ts";
import {
  ChaincodeMessage_Type as Type,
  GetStateByRangeSchema,
  QueryResponseSchema,
  QueryStateNextSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import { FakeSimulator } from "./testing/fake-simulator.ts";
import { type MiniStub, ok } from "./testing/mini-shim.ts";
import { input, PeerFixture, withChaincode } from "./testing/peer-fixture.ts";
import { maxOpenIteratorsPerTransaction, TransactionContext } from "./transaction-context.ts";

/** More rows than one answer holds, so that the iterator stays open. */
function rows(): Map<string, Uint8Array> {
  const keys = Array.from({ length: 101 }, (_, i) => `mycc/k${String(i).padStart(3, "0")}`);
  return new Map(keys.map((key) => [key, utf8("v")]));
}

async function openRange(stub: MiniStub): Promise<string> {
  const all = create(GetStateByRangeSchema, { startKey: "", endKey: "" });
  const answer = await stub.request(Type.GET_STATE_BY_RANGE, GetStateByRangeSchema, all);
  return fromBinary(QueryResponseSchema, answer).id;
}

Deno.test("a flood of requests without a transaction is answered in order, and others are served meanwhile", async () => {
  const count = 20_000;
  let answered = () => 0;
  await withChaincode((stub) => {
    for (let i = 0; i < count; i++) {
      stub.shim.send({ type: Type.GET_STATE, channelId: "ch", txid: `none ${i}` });
    }
    answered = () => stub.shim.received.filter(({ type }) => type === Type.ERROR).length;
    return ok("flooded");
  }, async (peer) => {
    peer.deploy("othercc", "1.0", { chaincode: () => ok("served") });
    await peer.host.launch("othercc", "1.0");
    const flood = peer.host.execute(peer.params(), "mycc", "1.0", input());
    const other = await peer.host.execute(peer.params(), "othercc", "1.0", input());
    assert.equal(text(other.response.payload), "served");
    assert.equal(text((await flood).response.payload), "flooded");
    for (const deadline = Date.now() + 10_000; answered() < count && Date.now() < deadline;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(answered(), count);
  });
});

Deno.test("a transaction that opens iterators without end is told the limit, and all are closed", () => {
  const context = new TransactionContext(new PeerFixture().params({ txId: "t" }), false);
  let open = 0;
  const iterator = () => {
    open++;
    return { next: () => undefined, close: () => void open-- };
  };
  for (let i = 0; i < maxOpenIteratorsPerTransaction; i++) context.openQuery(`${i}`, iterator());
  assert.throws(
    () => context.openQuery("one more", iterator()),
    /more than 10000 iterators are open in transaction t/,
  );
  assert.equal(open, maxOpenIteratorsPerTransaction);
  context.end();
  assert.equal(open, 0);
});

Deno.test("who iterates longer than the execute timeout gets an error, not rows of a closed iterator", async () => {
  const simulator = new FakeSimulator("slow", rows());
  let goOn = () => {};
  const held = new Promise<void>((resolve) => goOn = resolve);
  let next: Promise<unknown> | undefined;
  const peer = new PeerFixture({ config: { executeTimeoutMs: 60 } });
  await withChaincode(async (stub) => {
    const id = await openRange(stub);
    next = held.then(() =>
      stub.request(
        Type.QUERY_STATE_NEXT,
        QueryStateNextSchema,
        create(QueryStateNextSchema, { id }),
      )
    );
    await next.catch(() => {});
    return ok();
  }, async () => {
    const params = peer.params({ txId: "slow", simulator });
    await assert.rejects(
      peer.host.execute(params, "mycc", "1.0", input()),
      /timeout expired while executing transaction/,
    );
    assert.equal(simulator.openIterators.size, 0);
    const calls = simulator.calls.length;
    goOn();
    await assert.rejects(next ?? Promise.resolve(), /QUERY_STATE_NEXT failed: .*no ledger context/);
    assert.equal(simulator.calls.length, calls);
    // The stream is whole: the next transaction is served.
    assert.equal(peer.host.connected().length, 1);
  }, peer);
});
