import assert from "node:assert/strict";
import { utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { AuthCache } from "./auth-cache.ts";

const signedBy = (name: string) => ({
  data: utf8("data"),
  identity: utf8(name),
  signature: utf8("signature"),
});

function counted(settings: { enabled?: boolean; maxSize?: number } = {}) {
  const state = { checks: 0, sequence: 1n };
  const cache = new AuthCache({
    check: (_channelId, { identity }) => {
      state.checks++;
      if (identity[0] === "e".charCodeAt(0)) throw new DenimError("access-denied", "evil");
    },
    sequence: () => state.sequence,
  }, { enabled: true, maxSize: 8, purgeRetentionRatio: 0.75, ...settings });
  return { state, cache };
}

Deno.test("an answer is remembered, good or bad, until the configuration changes", () => {
  const { state, cache } = counted();
  for (let i = 0; i < 3; i++) {
    cache.check("ch", signedBy("ann"));
    assert.throws(() => cache.check("ch", signedBy("eve")), /evil/);
  }
  assert.equal(state.checks, 2);
  cache.check("other", signedBy("ann"));
  assert.equal(state.checks, 3);
  state.sequence = 2n;
  cache.check("ch", signedBy("ann"));
  assert.equal(state.checks, 4);
  assert.equal(cache.size("ch"), 1);
});

Deno.test("a full cache keeps its newest entries", () => {
  const { state, cache } = counted();
  for (let i = 0; i < 9; i++) cache.check("ch", signedBy(`a${i}`));
  assert.equal(cache.size("ch"), 7); // 8, less a quarter, and the new one
  cache.check("ch", signedBy("a8"));
  assert.equal(state.checks, 9);
  cache.check("ch", signedBy("a0"));
  assert.equal(state.checks, 10);
  for (let i = 0; i < 1_000; i++) cache.check("ch", signedBy(`b${i}`));
  assert.ok(cache.size("ch") <= 8);
});

Deno.test("parts of a request cannot trade places in the cache", () => {
  const { state, cache } = counted();
  cache.check("ch", { data: utf8("ab"), identity: utf8("c"), signature: utf8("") });
  cache.check("ch", { data: utf8("a"), identity: utf8("bc"), signature: utf8("") });
  assert.equal(state.checks, 2);
});

Deno.test("switched off, every request is checked", () => {
  const { state, cache } = counted({ enabled: false });
  for (let i = 0; i < 3; i++) cache.check("ch", signedBy("ann"));
  assert.equal(state.checks, 3);
  assert.equal(cache.size("ch"), 0);
});

Deno.test("a cache of size nought remembers next to nothing and still answers", () => {
  const { cache } = counted({ maxSize: 0 });
  for (let i = 0; i < 5; i++) cache.check("ch", signedBy(`a${i}`));
  assert.ok(cache.size("ch") <= 1);
});
