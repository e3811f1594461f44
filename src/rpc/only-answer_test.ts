import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { Deferred, sleep, withDeadline } from "../base/async.ts";
import { silentLogger } from "../base/logger.ts";
import { EnvelopeSchema, Status } from "../gen/common/common_pb.ts";
import {
  AtomicBroadcast,
  type BroadcastResponse,
  BroadcastResponseSchema,
} from "../gen/orderer/ab_pb.ts";
import { createRpcClient } from "./client.ts";
import { onlyAnswer } from "./only-answer.ts";
import { createRpcServer } from "./server.ts";
import { GrpcStatus, RpcError } from "./status.ts";
import type { CallContext } from "./types.ts";

const taken = create(BroadcastResponseSchema, { status: Status.SUCCESS });

/** What a client gets that wants one answer of a server which behaves like this. */
async function answerOf(
  broadcast: (
    requests: AsyncIterable<unknown>,
    context: CallContext,
  ) => AsyncIterable<BroadcastResponse>,
): Promise<BroadcastResponse | undefined> {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  server.register(AtomicBroadcast, { broadcast });
  const client = createRpcClient({ address: server.address });
  try {
    const call = client.stream(AtomicBroadcast.method.broadcast);
    return await onlyAnswer(call, create(EnvelopeSchema));
  } finally {
    await client.close();
    await server.close(0);
  }
}

Deno.test("a server that has answered ends the call itself: it is not broken off", async () => {
  const end = new Deferred<string>();
  const answer = await answerOf(async function* (requests, { signal }) {
    for await (const _ of requests) yield taken;
    // An orderer takes its time to see that nothing more comes.
    await sleep(50, signal);
    end.resolve(signal.aborted ? "cancelled" : "done");
  });
  assert.equal(answer?.status, Status.SUCCESS);
  assert.equal(await withDeadline(end.promise, 10_000, "the end of the call"), "done");
});

Deno.test("later answers, and a call that fails or goes on after the answer, change nothing", async () => {
  for (
    const after of [
      async function* () {
        for (let i = 0; i < 10; i++) yield create(BroadcastResponseSchema);
      },
      // deno-lint-ignore require-yield
      async function* () {
        throw new RpcError(GrpcStatus.UNAVAILABLE, "it stops");
      },
      // deno-lint-ignore require-yield
      async function* (signal: AbortSignal) {
        await sleep(600_000, signal);
      },
    ] as ((signal: AbortSignal) => AsyncIterable<BroadcastResponse>)[]
  ) {
    const answer = await answerOf(async function* (_, { signal }) {
      yield taken;
      yield* after(signal);
    });
    assert.equal(answer?.status, Status.SUCCESS);
  }
});

Deno.test("a call without an answer is undefined, or its error", async () => {
  assert.equal(await answerOf(async function* () {}), undefined);
  await assert.rejects(
    // deno-lint-ignore require-yield
    answerOf(async function* () {
      throw new RpcError(GrpcStatus.UNAVAILABLE, "it stops");
    }),
    { message: "it stops" },
  );
});
