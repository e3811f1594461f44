import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { identifyProcess, isProcessAlive } from "./process-identity.ts";

Deno.test("a process is alive until it ends", async () => {
  const child = spawn("/bin/cat", { stdio: ["pipe", "ignore", "ignore"] });
  assert.ok(child.pid);
  const identity = identifyProcess(child.pid);
  assert.equal(isProcessAlive(identity), true);
  const exit = once(child, "exit");
  child.stdin.end();
  await exit;
  assert.equal(isProcessAlive(identity), false);
});

Deno.test({
  name: "the same number with another start is another process",
  ignore: identifyProcess(process.pid).startTime === "",
  fn() {
    const own = identifyProcess(process.pid);
    assert.equal(isProcessAlive(own), true);
    assert.equal(isProcessAlive({ ...own, startTime: `${Number(own.startTime) - 1}` }), false);
  },
});

Deno.test("where the start is not known the number has to do", () => {
  assert.equal(isProcessAlive({ pid: process.pid, startTime: "" }), true);
  assert.equal(isProcessAlive({ pid: 2 ** 30, startTime: "" }), false);
  assert.equal(identifyProcess(2 ** 30).startTime, "");
});
