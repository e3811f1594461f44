import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { EnvelopeSchema, Status } from "../gen/common/common_pb.ts";
import { BroadcastResponseSchema } from "../gen/orderer/ab_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import { ordererServer } from "./client_testkit.ts";
import { OrdererConnection } from "./orderer-connection.ts";

const envelope = create(EnvelopeSchema, { payload: utf8("transaction") });

async function broadcast(...answers: [status: Status, info?: string][]) {
  const received: Uint8Array[] = [];
  await using orderer = await ordererServer({
    async *broadcast(requests) {
      for await (const { payload } of requests) {
        received.push(payload);
        for (const [status, info] of answers) {
          yield create(BroadcastResponseSchema, { status, info });
        }
        return;
      }
    },
  });
  await orderer.connection.broadcast(envelope);
  return received;
}

Deno.test("a broadcast is done when the orderer says so", async () => {
  assert.deepEqual(await broadcast([Status.SUCCESS]), [utf8("transaction")]);
});

Deno.test("a refusal comes with status and reason, a silent end as such", async () => {
  await assert.rejects(broadcast([Status.BAD_REQUEST, "it is too large"]), {
    code: "broadcast-refused",
    message: "got unexpected status: BAD_REQUEST -- it is too large",
    facts: { status: "BAD_REQUEST", info: "it is too large" },
  });
  await assert.rejects(broadcast([418 as Status]), /got unexpected status: 418 -- $/);
  await assert.rejects(broadcast(), {
    message: "the orderer closed the stream without an answer",
  });
});

Deno.test("an orderer that is not there is an RpcError", async () => {
  const address = "127.0.0.1:1";
  const orderer = new OrdererConnection(address, createRpcClient({ address }));
  await assert.rejects(orderer.broadcast(envelope), { name: "RpcError" });
  orderer.close();
});

Deno.test("whoever submits learns whether the orderer can have got it", async () => {
  const hintOf = async (orderer: OrdererConnection) => {
    try {
      await orderer.broadcast(envelope);
    } catch (error) {
      assert.ok(error instanceof RpcError && error.status === GrpcStatus.UNAVAILABLE);
      return error.hint;
    }
    return assert.fail("the broadcast succeeded");
  };
  const address = "127.0.0.1:1";
  const absent = new OrdererConnection(address, createRpcClient({ address }));
  assert.match(
    await hintOf(absent) ?? "",
    /^The transaction did not reach.* nothing was changed\. Is it running.* with -o\.$/,
  );
  absent.close();
  await using dying = await ordererServer({
    async *broadcast(requests) {
      for await (const _ of requests) {
        throw new RpcError(GrpcStatus.UNAVAILABLE, "the orderer stops");
      }
      yield create(BroadcastResponseSchema, { status: Status.SUCCESS });
    },
  });
  assert.match(await hintOf(dying.connection) ?? "", /may have taken the transaction.* committed/);
});

Deno.test("a transaction that an orderer cannot have got goes to the next one, and only then", async () => {
  const received: string[] = [];
  await using working = await ordererServer({
    async *broadcast(requests) {
      for await (const _ of requests) {
        received.push("working");
        yield create(BroadcastResponseSchema, { status: Status.SUCCESS });
      }
    },
  });
  await using refusing = await ordererServer({
    async *broadcast(requests) {
      for await (const _ of requests) {
        received.push("refusing");
        yield create(BroadcastResponseSchema, { status: Status.SERVICE_UNAVAILABLE });
      }
    },
  });
  const address = "127.0.0.1:1";
  const absent = new OrdererConnection(address, createRpcClient({ address }));
  for (const orderer of [absent, refusing.connection]) {
    orderer.alternative = () => Promise.resolve(working.connection);
  }
  await absent.broadcast(envelope);
  await assert.rejects(refusing.connection.broadcast(envelope), { code: "broadcast-refused" });
  assert.deepEqual(received, ["working", "refusing"]);
  absent.close();
});

Deno.test("an orderer that knows no Raft leader yet is asked again, for a while", async () => {
  let electedAt = 3;
  const notices: string[] = [];
  let asked = 0;
  await using starting = await ordererServer({
    async *broadcast(requests) {
      for await (const _ of requests) {
        const elected = ++asked >= electedAt;
        yield create(BroadcastResponseSchema, {
          status: elected ? Status.SUCCESS : Status.SERVICE_UNAVAILABLE,
          info: elected ? "" : "no Raft leader",
        });
      }
    },
  });
  const rpc = createRpcClient({ address: starting.address });
  const patient = new OrdererConnection("orderer0", rpc, undefined, {
    waitMs: 60_000,
    firstPauseMs: 1,
    longestPauseMs: 4,
    notice: (message) => notices.push(message),
  });
  await patient.broadcast(envelope);
  assert.equal(asked, 3);
  assert.deepEqual(notices, ["orderer orderer0 knows no Raft leader yet: trying for 60 s"]);
  electedAt = Infinity;
  const impatient = new OrdererConnection("", rpc, undefined, {
    waitMs: 20,
    firstPauseMs: 1,
    longestPauseMs: 4,
  });
  await assert.rejects(impatient.broadcast(envelope), {
    message: "got unexpected status: SERVICE_UNAVAILABLE -- no Raft leader",
  });
  assert.ok(asked > 3);
  patient.close();
});

Deno.test("requests are bound to the hash of the client's certificate, where it shows one", () => {
  const rpc = createRpcClient({ address: "127.0.0.1:1" });
  assert.equal(new OrdererConnection("", rpc).tlsCertHash, undefined);
  const certificate = utf8("certificate");
  assert.deepEqual(new OrdererConnection("", rpc, certificate).tlsCertHash, sha256(certificate));
});
