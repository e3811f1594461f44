/** GET_QUERY_RESULT from a chaincode's stream down to the ledger and back. */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { text } from "../base/bytes.ts";
import { KVSchema } from "../gen/ledger/queryresult/kv_query_result_pb.ts";
import {
  ChaincodeMessage_Type as Type,
  GetQueryResultSchema,
  QueryMetadataSchema,
  type QueryResponse,
  QueryResponseMetadataSchema,
  QueryResponseSchema,
  QueryStateNextSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import { decodeReadWriteSet } from "../ledger/rwset/decode.ts";
import { instantiate, putAll, richQueryLedger } from "../../tests/support/rich-query-ledger.ts";
import { type MiniStub, ok } from "./testing/mini-shim.ts";
import { input, PeerFixture } from "./testing/peer-fixture.ts";

const byN = { index: { fields: ["n"] }, ddoc: "d", name: "byN" };

/** Runs `work` as chaincode over 250 documents k0 (n 249) to k249 (n 0); gives the keys it read. */
async function asChaincode(work: (stub: MiniStub) => Promise<void>): Promise<string[]> {
  using test = richQueryLedger();
  test.packages.set("mycc:1.0", { "indexes/n.json": byN });
  instantiate(test.ledger, "mycc", "1.0");
  const documents = Array.from({ length: 250 }, (_, i) => [`k${i}`, { n: 249 - i }]);
  putAll(test.ledger, "mycc", Object.fromEntries(documents));
  const peer = new PeerFixture();
  const simulator = test.ledger.newSimulator("t");
  let failure: unknown;
  peer.deploy("mycc", "1.0", {
    chaincode: async (stub) => {
      await work(stub).catch((error) => failure = error);
      return ok();
    },
  });
  try {
    await peer.host.execute(peer.params({ txId: "t", simulator }), "mycc", "1.0", input());
    if (failure !== undefined) throw failure;
    const { namespaces } = decodeReadWriteSet(simulator.results().publicBytes);
    return namespaces.flatMap(({ kv }) => kv.reads.map(({ key }) => key));
  } finally {
    simulator.done();
    await peer.host.close();
  }
}

async function query(stub: MiniStub, query: string, paging?: [size: number, bookmark: string]) {
  const metadata = paging && toBinary(
    QueryMetadataSchema,
    create(QueryMetadataSchema, { pageSize: paging[0], bookmark: paging[1] }),
  );
  const request = create(GetQueryResultSchema, { query, metadata });
  const answer = await stub.request(Type.GET_QUERY_RESULT, GetQueryResultSchema, request);
  return fromBinary(QueryResponseSchema, answer);
}

function rowsOf({ results }: QueryResponse): string[] {
  return results.map(({ resultBytes }) => {
    const { key, value } = fromBinary(KVSchema, resultBytes);
    return `${key} ${text(value)}`;
  });
}

Deno.test("a rich query comes in batches, and what is read is recorded", async () => {
  const reads = await asChaincode(async (stub) => {
    const first = await query(stub, '{"selector":{"n":{"$lt":150}},"fields":["n"]}');
    assert.equal(first.hasMore, true);
    assert.equal(rowsOf(first).length, 100);
    assert.deepEqual(rowsOf(first).slice(0, 2), ['k249 {"n":0}', 'k248 {"n":1}']);
    const next = create(QueryStateNextSchema, { id: first.id });
    const second = fromBinary(
      QueryResponseSchema,
      await stub.request(Type.QUERY_STATE_NEXT, QueryStateNextSchema, next),
    );
    assert.equal(second.hasMore, false);
    assert.equal(rowsOf(second).at(-1), 'k100 {"n":149}');
  });
  assert.equal(reads.length, 150);
});

Deno.test("a page brings its bookmark, a bad query CouchDB's reason", async () => {
  await asChaincode(async (stub) => {
    const all = '{"selector":{"n":{"$gte":0}},"sort":[{"n":"desc"}]}';
    let bookmark = "";
    for (const expected of [["k0", "k1"], ["k2", "k3"]]) {
      const page = await query(stub, all, [2, bookmark]);
      assert.deepEqual(rowsOf(page).map((row) => row.split(" ")[0]), expected);
      const metadata = fromBinary(QueryResponseMetadataSchema, page.metadata);
      assert.equal(metadata.fetchedRecordsCount, 2);
      bookmark = metadata.bookmark;
    }
    await assert.rejects(
      query(stub, '{"selector":{"n":{"$foo":1}}}'),
      /^Error: GET_QUERY_RESULT failed: transaction ID: t: error handling CouchDB request\. Error:invalid_operator,\s+Status Code:400,\s+Reason:Invalid operator: \$foo$/,
    );
  });
});
