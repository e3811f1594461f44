import assert from "node:assert/strict";
import { BoundedCache } from "./bounded-cache.ts";

Deno.test("what was used least recently is forgotten first", () => {
  const cache = new BoundedCache<number>(3);
  for (const [key, value] of [["a", 1], ["b", 2], ["c", 3]] as const) cache.set(key, value);
  assert.equal(cache.get("a"), 1);
  cache.set("d", 4);
  assert.equal(cache.get("b"), undefined);
  assert.deepEqual(["a", "c", "d"].map((key) => cache.get(key)), [1, 3, 4]);
  cache.set("c", 30);
  assert.equal(cache.size, 3);
  assert.equal(cache.get("c"), 30);
});
