import assert from "node:assert/strict";
import { silentLogger } from "../base/logger.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { GrpcStatus } from "./status.ts";

const refused = {
  status: GrpcStatus.UNKNOWN,
  message: "too many requests for /gateway.Gateway, exceeding concurrency limit (2)",
};

Deno.test("calls and streams count together; what has ended makes room, however it ended", async () => {
  const limit = new ConcurrencyLimit("/gateway.Gateway", 2, silentLogger);
  const { promise, resolve } = Promise.withResolvers<void>();
  const call = limit.run(() => promise);
  const stream = limit.iterate(async function* () {
    yield 1;
    yield 2;
  });
  assert.equal(limit.running, 1, "a stream counts once it is read");
  assert.equal((await stream.next()).value, 1);
  await assert.rejects(limit.run(() => Promise.resolve()), refused);
  await assert.rejects(limit.iterate(async function* () {}).next(), refused);
  await stream.return(undefined);
  await assert.rejects(limit.run(() => Promise.reject(new Error("own"))), { message: "own" });
  assert.equal(limit.running, 1);
  resolve();
  await call;
  assert.equal(limit.running, 0);
});

Deno.test("0 is no limit", async () => {
  const limit = new ConcurrencyLimit("/gateway.Gateway", 0, silentLogger);
  await Promise.all(Array.from({ length: 1_000 }, () => limit.run(() => Promise.resolve())));
  assert.equal(limit.running, 0);
});
