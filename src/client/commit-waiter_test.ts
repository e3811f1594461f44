import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { Deferred } from "../base/async.ts";
import { DenimError } from "../base/errors.ts";
import { type Envelope, HeaderType, Status } from "../gen/common/common_pb.ts";
import { SeekInfoSchema } from "../gen/orderer/ab_pb.ts";
import { DeliverResponseSchema } from "../gen/peer/events_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { openEnvelope } from "../protocol/envelope.ts";
import { createRpcClient } from "../rpc/client.ts";
import {
  clock,
  filteredBlock,
  type FilteredHandler,
  peerServer,
  signer,
} from "./client_testkit.ts";
import { CommitWaiter } from "./commit-waiter.ts";
import { PeerConnection } from "./peer-connection.ts";

const longMs = 60_000;

/** Sends blocks once asked, then waits until the client has gone. */
function sending(
  blocks: ReturnType<typeof filteredBlock>[],
  seen: { requests?: Envelope[]; gone?: Deferred<void> } = {},
): FilteredHandler {
  return async function* (requests, { signal }) {
    const gone = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        seen.gone?.resolve();
        resolve();
      });
    });
    for await (const request of requests) {
      seen.requests?.push(request);
      yield* blocks;
      await gone;
      return;
    }
  };
}

async function connect(peers: PeerConnection[], timeoutMs = longMs): Promise<CommitWaiter> {
  return await CommitWaiter.connect(peers, "mychannel", signer, clock, timeoutMs);
}

Deno.test("waits for the transaction on every peer, whatever became of it", async () => {
  const { VALID, MVCC_READ_CONFLICT } = TxValidationCode;
  await using first = await peerServer(sending([
    filteredBlock(7n, ["other", VALID]),
    filteredBlock(8n),
    filteredBlock(9n, ["another", VALID], ["tx", VALID]),
  ]));
  await using second = await peerServer(sending([filteredBlock(9n, ["tx", MVCC_READ_CONFLICT])]));
  const waiter = await connect([first.connection, second.connection]);
  const told: string[] = [];
  const statuses = await waiter.wait("tx", ({ status }) => told.push(status));
  assert.deepEqual(statuses, [
    { address: first.address, code: VALID, status: "VALID" },
    { address: second.address, code: MVCC_READ_CONFLICT, status: "MVCC_READ_CONFLICT" },
  ]);
  assert.deepEqual(told.sort(), ["MVCC_READ_CONFLICT", "VALID"]);
});

Deno.test("asks for everything from the newest block on, signed, and leaves when it knows", async () => {
  const seen = { requests: [] as Envelope[], gone: new Deferred<void>() };
  const block = filteredBlock(1n, ["tx", TxValidationCode.VALID]);
  await using peer = await peerServer(sending([block], seen));
  const waiter = await connect([peer.connection]);
  await waiter.wait("tx");
  await seen.gone.promise;
  const { channelHeader, signatureHeader, payload } = openEnvelope(seen.requests[0]);
  assert.equal(channelHeader.type, HeaderType.DELIVER_SEEK_INFO);
  assert.equal(channelHeader.channelId, "mychannel");
  assert.deepEqual(signatureHeader.creator, signer.serialized);
  assert.deepEqual(seen.requests[0].signature, signer.sign(seen.requests[0].payload));
  const seek = fromBinary(SeekInfoSchema, payload.data);
  assert.equal(seek.start?.Type.case, "newest");
  assert.deepEqual(seek.stop?.Type.value, {
    $typeName: "orderer.SeekSpecified",
    number: 0xffff_ffff_ffff_ffffn,
  });
});

Deno.test("a peer that stays silent ends the wait at its deadline, and all streams with it", async () => {
  const seen = { gone: new Deferred<void>() };
  await using silent = await peerServer(sending([filteredBlock(1n)], seen));
  await using quick = await peerServer(
    sending([filteredBlock(1n, ["tx", TxValidationCode.VALID])]),
  );
  const waiter = await connect([silent.connection, quick.connection], 50);
  await assert.rejects(waiter.wait("tx"), (error) => {
    assert.ok(error instanceof DenimError && error.code === "commit-timeout");
    assert.equal(error.message, "timed out waiting for txid on all peers");
    assert.deepEqual(error.facts, { txId: "tx", channel: "mychannel", timeoutMs: 50 });
    assert.match(error.hint ?? "", /--waitForEventTimeout/);
    return true;
  });
  await seen.gone.promise;
});

Deno.test("a stream that is refused, fails or ends is told with Fabric's words", async () => {
  const status = create(DeliverResponseSchema, {
    Type: { case: "status", value: Status.FORBIDDEN },
  });
  const cases: [FilteredHandler, RegExp][] = [
    [
      sending([status]),
      /^failed to receive txid on all peers: deliver completed with status \(FORBIDDEN\) before txid received$/,
    ],
    [sending([create(DeliverResponseSchema)]), /received unexpected response type \(undefined\)/],
    // deno-lint-ignore require-yield
    [async function* () {
      await Promise.resolve();
      throw new DenimError("no", "out of order");
    }, /error receiving from deliver filtered at .*: out of order$/],
    [async function* () {}, /error receiving from deliver filtered at .*: the stream ended$/],
  ];
  for (const [handler, message] of cases) {
    const seen = { gone: new Deferred<void>() };
    await using bad = await peerServer(handler);
    await using good = await peerServer(sending([], seen));
    const waiter = await connect([good.connection, bad.connection]);
    await assert.rejects(waiter.wait("tx"), { code: "event-stream-refused", message });
    await seen.gone.promise;
  }
});

Deno.test("a peer that cannot be reached is named before anything is broadcast", async () => {
  const seen = { requests: [] as Envelope[], gone: new Deferred<void>() };
  await using good = await peerServer(sending([], seen));
  const address = "127.0.0.1:1";
  const nobody = new PeerConnection(address, createRpcClient({ address }));
  try {
    await assert.rejects(connect([good.connection, nobody]), {
      code: "event-stream-refused",
      message: /^failed to connect to deliver on all peers: .* at 127\.0\.0\.1:1: /,
    });
  } finally {
    nobody.close();
  }
});

Deno.test("a waiter that is closed early gives up, and may be closed again", async () => {
  await using peer = await peerServer(sending([]));
  const waiter = await connect([peer.connection]);
  const waiting = assert.rejects(waiter.wait("tx"), { code: "event-stream-refused" });
  waiter.close();
  waiter.close();
  await waiting;
});

Deno.test("a code of a later Fabric is shown by its number", async () => {
  const unknown = 99 as TxValidationCode;
  await using peer = await peerServer(sending([filteredBlock(1n, ["tx", unknown])]));
  const waiter = await connect([peer.connection]);
  assert.equal((await waiter.wait("tx"))[0].status, "99");
});
