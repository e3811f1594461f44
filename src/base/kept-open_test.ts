import assert from "node:assert/strict";
import { KeptOpen } from "./kept-open.ts";

class Fake {
  idle = true;
  closed = false;
  closes = 0;
  constructor(readonly name: string) {}
  close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }
}

function keeping(max: number) {
  const kept = new KeptOpen<Fake>(max);
  const opened: Fake[] = [];
  const use = (name: string) =>
    kept.use(name, () => {
      const one = new Fake(name);
      opened.push(one);
      return one;
    });
  const closed = () => opened.filter(({ closes }) => closes > 0).map(({ name }) => name);
  return { kept, use, opened, closed };
}

Deno.test("what was used longest ago is closed for another", () => {
  const { use, closed } = keeping(3);
  const first = use("a");
  for (const name of ["b", "c"]) use(name);
  assert.equal(use("a"), first);
  assert.deepEqual(closed(), []);
  use("d");
  assert.deepEqual(closed(), ["b"]);
  assert.notEqual(use("b"), undefined);
  assert.deepEqual(closed(), ["b", "c"]);
});

Deno.test("what is in use is not closed; when it is idle again, the limit holds again", () => {
  const { kept, use, closed } = keeping(2);
  const busy = ["a", "b", "c"].map((name) => {
    const one = use(name);
    one.idle = false;
    return one;
  });
  const spare = use("d");
  assert.deepEqual([kept.size, closed()], [4, []]);
  busy[1].idle = true;
  spare.idle = false;
  use("e");
  assert.deepEqual([kept.size, closed()], [4, ["b"]]);
  for (const one of busy) one.idle = true;
  spare.idle = true;
  use("f");
  assert.deepEqual([kept.size, closed().sort()], [2, ["a", "b", "c", "d"]]);
});

Deno.test("one that has closed by itself is replaced", () => {
  const { kept, use, opened } = keeping(2);
  use("a").closed = true;
  assert.equal(use("a"), opened[1]);
  assert.deepEqual([kept.size, opened.map(({ closes }) => closes)], [1, [1, 0]]);
});

Deno.test("closing closes all and waits for those that are being closed", async () => {
  const kept = new KeptOpen<{ idle: boolean; close(): Promise<void> }>(1);
  const closed: string[] = [];
  const open = (name: string, idle: boolean) => () => ({
    idle,
    close: async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      closed.push(name);
    },
  });
  kept.use("idle", open("idle", true));
  kept.use("busy", open("busy", false));
  assert.deepEqual(closed, []);
  await kept.close();
  assert.deepEqual([kept.size, closed.sort()], [0, ["busy", "idle"]]);
});
