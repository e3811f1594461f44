import assert from "node:assert/strict";
import { join } from "node:path";
import { sleep } from "../../base/async.ts";
import { temporaryDirectory } from "../../../tests/support/temporary.ts";
import { spawnDetached } from "./detached-process.ts";

/** Runs a shell script to its end, or to that of `act`; gives its exit code and its log. */
async function run(script: string, act?: (pid: number, shell: Deno.ChildProcess) => void) {
  using directory = temporaryDirectory();
  const log = join(directory.path, "denim.log");
  const shell = spawnDetached(["/bin/sh", "-c", `echo started $$; ${script}`], log);
  const read = () => Deno.readTextFile(log).catch(() => "");
  if (act) {
    const deadline = Date.now() + 20_000;
    for (let pid = 0; pid === 0; await sleep(10)) {
      assert.ok(Date.now() < deadline, "the process did not start");
      pid = Number(/^started (\d+)/m.exec(await read())?.[1] ?? 0);
      if (pid > 0) act(pid, shell);
    }
  }
  const { code } = await shell.status;
  return { code, log: await read() };
}

Deno.test("the log of a detached process tells its exit code", async () => {
  for (const wanted of [0, 3]) {
    const { code, log } = await run(`echo said >&2; exit ${wanted}`);
    assert.equal(code, wanted);
    assert.match(
      log,
      new RegExp(`^started \\d+\\nsaid\\n.* UTC process \\d+ ended with code ${wanted}\\n$`),
    );
  }
});

Deno.test("the log of a detached process tells the signal that ended it", async () => {
  const signals = [["SIGKILL", /by signal 9 \(killed/], ["SIGHUP", /by signal 1$/m]] as const;
  for (const [signal, reason] of signals) {
    const { code, log } = await run("exec sleep 60", (pid) => Deno.kill(pid, signal));
    assert.ok(code > 128);
    assert.match(log, reason);
  }
});

Deno.test("whoever ends the shell that watches a detached process ends the process", async () => {
  const { code, log } = await run("exec sleep 60", (_, shell) => shell.kill("SIGTERM"));
  assert.equal(code, 137);
  assert.match(log, /by signal 9/);
});
