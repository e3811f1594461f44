/** Calls and connections that are cut at any moment leave neither calls, listeners nor timers behind. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { GrpcStatus } from "../rpc/status.ts";
import { grpc } from "../rpc/testing-grpc-js.ts";
import { methods, pathOf, requests, withWorld } from "./hostile_testkit.ts";

Deno.test("calls that are cancelled at any moment", async () => {
  await withWorld(async ({ client, user, send }) => {
    const good = requests(user);
    const cuts = fc.array(
      fc.record({ method: fc.constantFrom(...methods), afterMs: fc.nat(15) }),
      { minLength: 1, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(cuts, async (cuts) => {
        await Promise.all(cuts.map(({ method, afterMs }) =>
          new Promise<void>((resolve) => {
            const call = client.makeServerStreamRequest(
              pathOf(method),
              (bytes: Uint8Array) => Buffer.from(bytes),
              (answer: Uint8Array) => answer,
              good[method],
              new grpc.Metadata(),
              {},
            );
            call.on("data", () => {});
            call.on("error", () => {});
            call.on("status", () => resolve());
            setTimeout(() => call.cancel(), afterMs);
          })
        ));
      }),
      { numRuns: 30 },
    );
    assert.equal(await send("evaluate", good.evaluate), GrpcStatus.OK);
  });
});

Deno.test("deadlines that pass at any moment", async () => {
  await withWorld(async ({ send, user }) => {
    const good = requests(user);
    const waits = Array.from(
      { length: 200 },
      (_, i) => i % 2 === 0 ? "commitStatus" : "chaincodeEvents",
    );
    const statuses = await Promise.all(
      (waits as ("commitStatus" | "chaincodeEvents")[])
        .map((method, i) => send(method, good[method], i % 25)),
    );
    for (const status of statuses) {
      assert.ok([GrpcStatus.OK, GrpcStatus.DEADLINE_EXCEEDED].includes(status), GrpcStatus[status]);
    }
    assert.equal(await send("evaluate", good.evaluate), GrpcStatus.OK);
  });
});
