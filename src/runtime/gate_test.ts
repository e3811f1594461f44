import assert from "node:assert/strict";
import { Deferred } from "../base/async.ts";
import { Gate } from "./gate.ts";

const never = new AbortController().signal;

Deno.test("so many run at a time, the others in their order", async () => {
  const gate = new Gate(2);
  const works = [0, 1, 2, 3].map(() => new Deferred<void>());
  const began: number[] = [];
  const all = works.map((work, i) =>
    gate.run(never, () => {
      began.push(i);
      return work.promise;
    })
  );
  await Promise.resolve();
  assert.deepEqual(began, [0, 1]);
  works[1].resolve();
  await all[1];
  await Promise.resolve();
  assert.deepEqual(began, [0, 1, 2]);
  for (const work of works) work.resolve();
  await Promise.all(all);
  assert.deepEqual(began, [0, 1, 2, 3]);
});

Deno.test("who gives up while waiting loses his turn, and nobody else does", async () => {
  const gate = new Gate(1);
  const first = new Deferred<void>();
  const gone = new AbortController();
  const running = gate.run(never, () => first.promise);
  const waiting = gate.run(gone.signal, () => Promise.reject(new Error("it must not run")));
  const last = gate.run(never, () => Promise.resolve("last"));
  gone.abort();
  await assert.rejects(waiting, { code: "aborted" });
  first.resolve();
  await running;
  assert.equal(await last, "last");
  assert.equal(await gate.run(never, () => Promise.resolve("free again")), "free again");
  const failing = gate.run(never, () => Promise.reject(new Error("work failed")));
  await assert.rejects(failing, /work failed/);
  assert.equal(await gate.run(never, () => Promise.resolve("and again")), "and again");
});
