import assert from "node:assert/strict";
import { Deferred, sleep, withDeadline } from "../base/async.ts";
import { keepAlive } from "./keepalive.ts";

/** A session whose other side answers pings after `delays`, one after the other, and then no more. */
function sessionAnswering(delays: number[]) {
  const pings: number[] = [];
  const answers: number[] = [];
  const destroyed = new Deferred<Error>();
  const session = {
    destroyed: false,
    ping(answered: () => void) {
      const delay = delays[pings.length];
      pings.push(performance.now());
      if (delay === undefined) return true;
      setTimeout(() => {
        answers.push(performance.now());
        answered();
      }, delay);
      return true;
    },
    destroy(error: Error) {
      this.destroyed = true;
      destroyed.resolve(error);
    },
  };
  return { session, pings, answers, destroyed };
}

Deno.test("no ping comes sooner after the answer to the last one than the interval", async () => {
  const keepaliveIntervalMs = 60;
  const { session, pings, answers, destroyed } = sessionAnswering([40, 0, 50]);
  const stop = keepAlive(session, { keepaliveIntervalMs, keepaliveTimeoutMs: 2_000 });
  const error = await withDeadline(destroyed.promise, 20_000, "the end of a silent session");
  stop();
  assert.match(error.message, /not answered/);
  assert.equal(pings.length, 4);
  answers.forEach((answered, i) => assert.ok(pings[i + 1] - answered >= keepaliveIntervalMs));
});

Deno.test("keepalive that was stopped, or has no interval, sends nothing", async () => {
  const limits = { keepaliveIntervalMs: 10, keepaliveTimeoutMs: 10 };
  const { session, pings } = sessionAnswering([]);
  keepAlive(session, limits)();
  keepAlive(session, { ...limits, keepaliveIntervalMs: 0 })();
  await sleep(100);
  assert.equal(pings.length, 0);
});
