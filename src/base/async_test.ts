import assert from "node:assert/strict";
import { AsyncQueue, Deferred, sleep, withDeadline } from "./async.ts";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

Deno.test("a deferred settles from outside and says so", async () => {
  const deferred = new Deferred<number>();
  assert.equal(deferred.settled, false);
  deferred.resolve(1);
  deferred.reject(new Error("too late"));
  assert.equal(deferred.settled, true);
  assert.equal(await deferred.promise, 1);
  // Nobody looks at this one; the process goes on.
  new Deferred<void>().reject(new Error("unobserved"));
});

Deno.test("a deadline passes on what settles in time, and names what did not", async () => {
  assert.equal(await withDeadline(Promise.resolve("in time"), 60_000, "the answer"), "in time");
  await assert.rejects(withDeadline(Promise.reject(new Error("its own")), 60_000, "the answer"), {
    message: "its own",
  });
  await assert.rejects(withDeadline(new Promise(() => {}), 1, "the answer"), {
    code: "deadline-exceeded",
    message: "the answer: no answer within 1 ms",
    facts: { what: "the answer", timeoutMs: 1 },
  });
});

Deno.test("a sleeper wakes early when told to, and leaves no timer or listener", async () => {
  const control = new AbortController();
  const asleep = sleep(60_000, control.signal);
  control.abort();
  await asleep;
  await sleep(60_000, control.signal);
  await sleep(0);
});

Deno.test("a queue hands out in order, to readers that wait and to those that come later", async () => {
  const queue = new AsyncQueue<number>();
  const reader = queue[Symbol.asyncIterator]();
  const early = [reader.next(), reader.next()];
  for (const item of [1, 2, 3]) queue.push(item);
  assert.equal(queue.size, 1);
  queue.close();
  queue.push(4);
  assert.deepEqual(await Promise.all(early), [{ value: 1, done: false }, {
    value: 2,
    done: false,
  }]);
  assert.deepEqual(await collect(queue), [3]);
});

Deno.test("closing a queue ends the readers that wait", async () => {
  const queue = new AsyncQueue<number>();
  const waiting = collect(queue);
  queue.close();
  assert.deepEqual(await waiting, []);
});

Deno.test("a failed queue gives what it has before it throws, to every reader", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  queue.fail(new Error("broken"));
  const reader = queue[Symbol.asyncIterator]();
  assert.deepEqual(await reader.next(), { value: 1, done: false });
  await assert.rejects(reader.next(), /broken/);
  await assert.rejects(reader.next(), /broken/);
  const waiting = new AsyncQueue<number>();
  const rejected = assert.rejects(collect(waiting), /broken too/);
  waiting.fail(new Error("broken too"));
  await rejected;
});

Deno.test("nothing at all is an item like any other", async () => {
  const queue = new AsyncQueue<undefined>();
  queue.push(undefined);
  queue.close();
  assert.deepEqual(await collect(queue), [undefined]);
});

Deno.test("a reader that breaks off closes the queue", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  queue.push(2);
  for await (const _ of queue) break;
  queue.push(3);
  assert.equal(queue.size, 0);
  assert.deepEqual(await collect(queue), []);
});
