import assert from "node:assert/strict";
import { Deferred } from "../base/async.ts";
import { systemClock } from "../base/clock.ts";
import { SingleFlight } from "./single-flight.ts";

const never = new AbortController().signal;
const aborting = { whenAbandoned: "abort", clock: systemClock } as const;

Deno.test("callers of one key share the work and its result; the next one starts anew", async () => {
  const flights = new SingleFlight<number>(aborting);
  let runs = 0;
  const gate = new Deferred<void>();
  const work = async () => {
    runs++;
    await gate.promise;
    return runs;
  };
  const calls = [flights.run("a", never, work), flights.run("a", never, work)];
  gate.resolve();
  assert.deepEqual(await Promise.all(calls), [1, 1]);
  assert.equal(await flights.run("a", never, work), 2);
});

Deno.test("a failure reaches everyone who waits, and is not kept", async () => {
  const flights = new SingleFlight<string>(aborting);
  const fail = () => Promise.reject(new Error("broken"));
  const throwing = () => {
    throw new Error("at once");
  };
  const calls = [flights.run("a", never, fail), flights.run("a", never, fail)];
  for (const call of calls) await assert.rejects(call, /broken/);
  await assert.rejects(flights.run("a", never, throwing), /at once/);
  assert.equal(await flights.run("a", never, () => Promise.resolve("well")), "well");
});

Deno.test("one caller may give up; the work ends when the last one does", async () => {
  const flights = new SingleFlight<string>(aborting);
  const one = new AbortController();
  const two = new AbortController();
  const aborted = new Deferred<void>();
  const work = (signal: AbortSignal) =>
    new Promise<string>((_, reject) =>
      signal.addEventListener("abort", () => {
        aborted.resolve();
        reject(new Error("stopped"));
      })
    );
  const calls = [flights.run("a", one.signal, work), flights.run("a", two.signal, work)];
  one.abort();
  await assert.rejects(calls[0], { code: "aborted" });
  assert.equal(aborted.settled, false);
  two.abort();
  await assert.rejects(calls[1], { code: "aborted" });
  await aborted.promise;
  // The abandoned flight is not joined.
  assert.equal(await flights.run("a", never, () => Promise.resolve("new")), "new");
  await flights.close();
});

Deno.test("closing waits for work that was abandoned", async () => {
  const flights = new SingleFlight<void>(aborting);
  const caller = new AbortController();
  let cleaned = false;
  const call = flights.run("a", caller.signal, async (signal) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await new Promise((resolve) => setTimeout(resolve, 1));
    cleaned = true;
  });
  await Promise.resolve();
  caller.abort();
  await assert.rejects(call, { code: "aborted" });
  await flights.close();
  assert(cleaned);
  await assert.rejects(flights.run("a", never, () => Promise.resolve()), {
    code: "runtime-closed",
  });
});

Deno.test("abandoned work may go on: whoever asks next joins it and learns how long it runs", async () => {
  let now = 1_000;
  const clock = { now: () => now };
  const flights = new SingleFlight<string>({ whenAbandoned: "continue", clock });
  const gate = new Deferred<string>();
  const gone = new AbortController();
  let runs = 0;
  const work = () => {
    runs++;
    return gate.promise;
  };
  const first = flights.run("a", gone.signal, work);
  gone.abort();
  await assert.rejects(first, { code: "aborted" });
  now += 12_000;
  assert.equal(flights.runningForMs("a"), 12_000);
  assert.equal(flights.runningForMs("b"), undefined);
  const second = flights.run("a", never, work);
  gate.resolve("done");
  assert.equal(await second, "done");
  assert.equal(runs, 1);
  assert.equal(flights.runningForMs("a"), undefined);
  await flights.close();
});
