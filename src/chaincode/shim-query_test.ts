import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { text, utf8 } from "../base/bytes.ts";
import { KeyModificationSchema, KVSchema } from "../gen/ledger/queryresult/kv_query_result_pb.ts";
import {
  ChaincodeMessage_Type as Type,
  GetHistoryForKeySchema,
  GetQueryResultSchema,
  GetStateByRangeSchema,
  QueryMetadataSchema,
  QueryResponseMetadataSchema,
  QueryResponseSchema,
  QueryStateCloseSchema,
  QueryStateNextSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import type { CountingIterator } from "./testing/fake-simulator.ts";
import { FakeHistory, FakeSimulator } from "./testing/fake-simulator.ts";
import { type MiniStub, ok } from "./testing/mini-shim.ts";
import { input, PeerFixture } from "./testing/peer-fixture.ts";

function rows(count: number): Map<string, Uint8Array> {
  return new Map(
    Array.from({ length: count }, (_, i) => [`mycc/k${String(i).padStart(4, "0")}`, utf8(`${i}`)]),
  );
}

function paging(pageSize: number, bookmark = ""): Uint8Array {
  return toBinary(QueryMetadataSchema, create(QueryMetadataSchema, { pageSize, bookmark }));
}

const range = async (stub: MiniStub, startKey: string, endKey: string, metadata?: Uint8Array) =>
  fromBinary(
    QueryResponseSchema,
    await stub.request(
      Type.GET_STATE_BY_RANGE,
      GetStateByRangeSchema,
      create(GetStateByRangeSchema, { startKey, endKey, metadata }),
    ),
  );

const next = async (stub: MiniStub, id: string) =>
  fromBinary(
    QueryResponseSchema,
    await stub.request(
      Type.QUERY_STATE_NEXT,
      QueryStateNextSchema,
      create(QueryStateNextSchema, { id }),
    ),
  );

/** Runs `work` inside a transaction over this state and gives the simulator. */
async function inTransaction(
  state: Map<string, Uint8Array>,
  work: (stub: MiniStub, simulator: FakeSimulator) => Promise<void>,
  options: { totalQueryLimit?: number; history?: FakeHistory } = {},
): Promise<void> {
  const peer = new PeerFixture({
    config: { totalQueryLimit: options.totalQueryLimit ?? 100_000 },
  });
  const simulator = new FakeSimulator("t", state);
  let failure: unknown;
  peer.deploy("mycc", "1.0", {
    chaincode: async (stub) => {
      await work(stub, simulator).catch((error) => failure = error);
      return ok();
    },
  });
  try {
    const { history = new FakeHistory() } = options;
    await peer.host.execute(
      peer.params({ txId: "t", simulator, history }),
      "mycc",
      "1.0",
      input(),
    );
    if (failure !== undefined) throw failure;
    assert.equal(simulator.openIterators.size, 0);
  } finally {
    await peer.host.close();
  }
}

const onlyIterator = (simulator: FakeSimulator): CountingIterator => {
  const [iterator] = simulator.openIterators;
  return iterator;
};

Deno.test("range: batches of 100, one row read ahead, closed at the end", async () => {
  await inTransaction(rows(250), async (stub, simulator) => {
    const first = await range(stub, "", "");
    assert.equal(first.results.length, 100);
    assert.equal(first.hasMore, true);
    const iterator = onlyIterator(simulator);
    assert.equal(iterator.read, 101);
    const second = await next(stub, first.id);
    assert.deepEqual([second.results.length, second.hasMore, iterator.read], [100, true, 201]);
    const third = await next(stub, first.id);
    assert.deepEqual([third.results.length, third.hasMore, iterator.closed], [50, false, true]);
    const row = fromBinary(KVSchema, third.results[49].resultBytes);
    assert.deepEqual([row.namespace, row.key, text(row.value)], ["mycc", "k0249", "249"]);
    await assert.rejects(
      next(stub, first.id),
      /QUERY_STATE_NEXT failed: .*: query iterator not found/,
    );
  });
});

Deno.test("range: exactly 100 rows come whole, with nothing more", async () => {
  await inTransaction(rows(100), async (stub) => {
    const all = await range(stub, "", "");
    assert.deepEqual([all.results.length, all.hasMore], [100, false]);
  });
});

Deno.test("range: the total limit ends it without reading on", async () => {
  await inTransaction(rows(300), async (stub) => {
    const first = await range(stub, "", "");
    assert.deepEqual([first.results.length, first.hasMore], [100, true]);
    const second = await next(stub, first.id);
    assert.deepEqual([second.results.length, second.hasMore], [50, false]);
  }, { totalQueryLimit: 150 });
});

Deno.test("range: closing early closes the iterator; closing twice or a stranger is no error", async () => {
  await inTransaction(rows(150), async (stub, simulator) => {
    const { id } = await range(stub, "k0010", "");
    const iterator = onlyIterator(simulator);
    for (const each of [id, id, "unknown"]) {
      const close = create(QueryStateCloseSchema, { id: each });
      const answer = await stub.request(Type.QUERY_STATE_CLOSE, QueryStateCloseSchema, close);
      assert.deepEqual(
        fromBinary(QueryResponseSchema, answer),
        create(QueryResponseSchema, { id: each }),
      );
      assert.equal(iterator.closed, true);
    }
  });
});

Deno.test("range: what a transaction leaves open is closed when it ends", async () => {
  await inTransaction(rows(150), async (stub, simulator) => {
    await range(stub, "", "");
    assert.equal(simulator.openIterators.size, 1);
  });
});

Deno.test("paging: one page larger than a batch, bookmark and count in the metadata", async () => {
  await inTransaction(rows(300), async (stub, simulator) => {
    const page = await range(stub, "k0005", "", paging(120));
    assert.deepEqual([page.results.length, page.hasMore], [120, false]);
    const metadata = fromBinary(QueryResponseMetadataSchema, page.metadata);
    assert.deepEqual([metadata.fetchedRecordsCount, metadata.bookmark], [120, "k0125"]);
    const rest = await range(stub, "k0005", "", paging(120, metadata.bookmark));
    assert.equal(fromBinary(KVSchema, rest.results[0].resultBytes).key, "k0125");
    assert.deepEqual(simulator.calls, [
      "pagedRange mycc k0005  120",
      "pagedRange mycc k0125  120",
    ]);
  });
});

Deno.test("paging: page size 0 and no bookmark is no paging; a bookmark alone pages to the limit", async () => {
  await inTransaction(rows(20), async (stub, simulator) => {
    const all = await range(stub, "", "", paging(0));
    assert.equal(all.metadata.length, 0);
    const page = await range(stub, "", "", paging(0, "k0015"));
    assert.equal(fromBinary(QueryResponseMetadataSchema, page.metadata).fetchedRecordsCount, 5);
    assert.deepEqual(simulator.calls, ["range mycc  ", "pagedRange mycc k0015  77"]);
  }, { totalQueryLimit: 77 });
});

Deno.test("rich query: the store's refusal reaches the chaincode; paged ones pass bookmark and size", async () => {
  await inTransaction(rows(3), async (stub, simulator) => {
    const query = (metadata?: Uint8Array) =>
      stub.request(
        Type.GET_QUERY_RESULT,
        GetQueryResultSchema,
        create(GetQueryResultSchema, { query: "{}", metadata }),
      );
    await assert.rejects(
      query(),
      /^Error: GET_QUERY_RESULT failed: transaction ID: t: ExecuteQuery not supported for leveldb$/,
    );
    const page = fromBinary(QueryResponseSchema, await query(paging(2, "b")));
    assert.equal(page.results.length, 2);
    assert.deepEqual(simulator.calls, ["pagedQuery mycc {} b 2"]);
  });
});

Deno.test("history: entries with transaction, time and deletion, in the ledger's order", async () => {
  const history = new FakeHistory([
    { txId: "a", value: utf8("1"), timestamp: { seconds: 5n, nanos: 6 }, isDelete: false },
    { txId: "b", value: utf8(""), timestamp: undefined, isDelete: true },
  ]);
  await inTransaction(new Map(), async (stub) => {
    const answer = await stub.request(
      Type.GET_HISTORY_FOR_KEY,
      GetHistoryForKeySchema,
      create(GetHistoryForKeySchema, { key: "k" }),
    );
    const entries = fromBinary(QueryResponseSchema, answer).results
      .map(({ resultBytes }) => fromBinary(KeyModificationSchema, resultBytes));
    assert.deepEqual(entries.map((e) => [e.txId, e.timestamp?.seconds, e.isDelete]), [
      ["a", 5n, false],
      ["b", undefined, true],
    ]);
  }, { history });
});
