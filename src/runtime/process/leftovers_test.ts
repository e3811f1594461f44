import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify, reapLeftovers, startTimeOf, writeRecord } from "./leftovers.ts";

Deno.test({
  name: "a dead process that nobody has waited for counts as gone",
  ignore: Deno.build.os !== "linux",
}, async () => {
  // The shell's child ends; what the shell becomes never asks for it.
  const parent = new Deno.Command("/bin/sh", {
    args: ["-c", "sleep 0.3 & echo $!; exec sleep 30"],
    stdout: "piped",
  }).spawn();
  try {
    const reader = parent.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    const pid = Number(new TextDecoder().decode(value));
    const isZombie = () => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    for (const deadline = Date.now() + 10_000; !isZombie();) {
      assert.ok(Date.now() < deadline);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(startTimeOf(pid), undefined);
  } finally {
    parent.kill("SIGKILL");
    await parent.status;
  }
});

Deno.test("what a dead owner left is ended and removed, what a living one runs stays", async () => {
  const instances = mkdtempSync(join(tmpdir(), "denim-leftovers-"));
  const sleeper = () => new Deno.Command("sleep", { args: ["30"], detached: true }).spawn();
  const [left, kept] = [sleeper(), sleeper()];
  try {
    for (const name of ["left", "kept", "unreadable"]) mkdirSync(join(instances, name));
    const gone = { pid: Deno.pid, startTime: "0" };
    writeRecord(join(instances, "left"), { owner: gone, chaincode: identify(left.pid) });
    writeRecord(join(instances, "kept"), {
      owner: identify(Deno.pid),
      chaincode: identify(kept.pid),
    });
    assert.deepEqual(reapLeftovers(instances), [left.pid]);
    assert.equal((await left.status).signal, "SIGKILL");
    assert.deepEqual(
      ["left", "kept", "unreadable"].map((name) => existsSync(join(instances, name))),
      [false, true, false],
    );
    assert.deepEqual(reapLeftovers(join(instances, "nowhere")), []);
  } finally {
    kept.kill("SIGKILL");
    await kept.status;
    rmSync(instances, { recursive: true });
  }
});
