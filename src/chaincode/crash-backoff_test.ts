import assert from "node:assert/strict";
import {
  CrashBackoff,
  crashesBeforeBackoff,
  firstBackoffMs,
  forgetCrashesAfterMs,
  maxBackoffMs,
  stableAfterMs,
} from "./crash-backoff.ts";

function fixture() {
  const clock = { at: 1_000_000, now: () => clock.at };
  return { clock, backoff: new CrashBackoff(clock) };
}

Deno.test("the first ends are followed by a launch at once, further ones by growing pauses", () => {
  const { clock, backoff } = fixture();
  for (let i = 1; i < crashesBeforeBackoff; i++) {
    backoff.crashed("cc:1", 0, "exit 1");
    backoff.check("cc:1");
  }
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    backoff.crashed("cc:1", 0, "exit 1");
    pauses.push(backoff.pauseMs("cc:1"));
    clock.at += pauses[i];
    backoff.check("cc:1");
  }
  assert.deepEqual(pauses.slice(0, 4), [1, 2, 4, 8].map((factor) => factor * firstBackoffMs));
  assert.equal(pauses.at(-1), maxBackoffMs);
  assert.equal(backoff.pauseMs("other:1"), 0);
});

Deno.test("the refusal says how often, why, and when the next attempt is made", () => {
  const { backoff } = fixture();
  for (let i = 0; i < crashesBeforeBackoff + 1; i++) backoff.crashed("cc:1", 5, "its stream ended");
  backoff.explain("cc:1", "container exited with 1: no config");
  assert.throws(() => backoff.check("cc:1"), {
    code: "launch-paused",
    message: "chaincode cc:1 has ended 4 times in a row and is not launched again before " +
      "1970-01-01T00:16:42.000Z (in 2.0 s); the last time: container exited with 1: no config",
    facts: { instance: "cc:1", crashes: 4, pauseMs: 2_000, nextAttemptAt: 1_002_000 },
  });
});

Deno.test("a stable time, a wish or long peace wipe the slate", () => {
  const { clock, backoff } = fixture();
  const crash = (readyMs = 0) => backoff.crashed("cc:1", readyMs, "x");
  for (let i = 0; i < 5; i++) crash();
  crash(stableAfterMs);
  assert.equal(backoff.pauseMs("cc:1"), 0);
  for (let i = 0; i < 5; i++) crash();
  assert(backoff.pauseMs("cc:1") > 0);
  backoff.forgive("cc:1");
  assert.equal(backoff.pauseMs("cc:1"), 0);
  for (let i = 0; i < 5; i++) crash();
  clock.at += forgetCrashesAfterMs + 1;
  crash();
  assert.equal(backoff.pauseMs("cc:1"), 0);
});
