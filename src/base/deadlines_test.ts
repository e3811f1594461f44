import assert from "node:assert/strict";
import { Deferred } from "./async.ts";
import { type Deadline, Deadlines } from "./deadlines.ts";

Deno.test("waits expire in the order they began, those that were cancelled never", async () => {
  const deadlines = new Deadlines();
  const expired: string[] = [];
  const last = new Deferred<void>();
  const begin = (name: string, timeoutMs: number) =>
    deadlines.begin(timeoutMs, () => {
      expired.push(name);
      if (name === "long") last.resolve();
    });
  const began = performance.now();
  begin("first", 20);
  const cancelled = begin("cancelled", 20);
  begin("long", 60);
  await new Promise((resolve) => setTimeout(resolve, 5));
  begin("second", 20);
  deadlines.cancel(cancelled);
  await last.promise;
  assert.deepEqual(expired, ["first", "second", "long"]);
  assert.ok(performance.now() - began >= 58);
});

Deno.test("nothing is left when all were cancelled, or cancelled again after their end", async () => {
  const deadlines = new Deadlines();
  const waits = Array.from({ length: 5 }, () => deadlines.begin(60_000, () => assert.fail()));
  for (const wait of [...waits, ...waits]) deadlines.cancel(wait);
  // The test's own check for timers that are left would fail otherwise.
  const over = new Deferred<void>();
  const wait: Deadline = deadlines.begin(1, () => over.resolve());
  await over.promise;
  deadlines.cancel(wait);
});

Deno.test("a wait may begin or cancel another when it expires", async () => {
  const deadlines = new Deadlines();
  const over = new Deferred<void>();
  const other: Deadline[] = [];
  deadlines.begin(5, () => {
    deadlines.begin(5, () => over.resolve());
    deadlines.cancel(other[0]);
  });
  other.push(deadlines.begin(5, () => assert.fail("was cancelled")));
  await over.promise;
});
