import assert from "node:assert/strict";
import { chooseRuntime, type DockerCandidate } from "./choose-runtime.ts";
import { exitStatus } from "./exit-status.ts";
import type { ChaincodeRuntime } from "./types.ts";

const process: ChaincodeRuntime = {
  kind: "process",
  build: () => Promise.resolve(),
  start: () => Promise.reject(new Error("not here")),
  check: () => Promise.resolve({ ok: true, detail: "" }),
  close: () => Promise.resolve(),
};

function docker(
  check: Awaited<ReturnType<ChaincodeRuntime["check"]>>,
  images: string[],
): DockerCandidate {
  return {
    ...process,
    kind: "docker",
    check: () => Promise.resolve(check),
    hasImage: (name) => Promise.resolve(images.includes(name)),
  };
}

const up = { ok: true, detail: "Docker 20.10 at unix:///d" } as const;

Deno.test("auto takes Docker where it answers and has the base images, and says why", async () => {
  const choose = async (candidate: DockerCandidate) => {
    const { runtime, reason } = await chooseRuntime("auto", candidate, process, ["a", "b"]);
    return `${runtime.kind}; ${reason}`;
  };
  assert.equal(
    await choose(docker(up, ["a", "b"])),
    "docker; Docker: Docker 20.10 at unix:///d answers and has the base images",
  );
  assert.equal(
    await choose(docker(up, ["a"])),
    "process; local processes: Docker 20.10 at unix:///d answers but does not have the image b",
  );
  assert.equal(
    await choose(docker({ ok: false, reason: "no Docker engine answers at x" }, [])),
    "process; local processes: no Docker engine answers at x",
  );
});

Deno.test("what is configured is taken without asking", async () => {
  const down = docker({ ok: false, reason: "down" }, []);
  assert.equal((await chooseRuntime("docker", down, process, [])).runtime.kind, "docker");
  assert.equal((await chooseRuntime("process", down, process, [])).runtime.kind, "process");
});

Deno.test("an exit has a meaning, whether it comes as code or as signal", () => {
  assert.match(exitStatus(137, undefined).meaning, /out of memory/);
  assert.equal(exitStatus(undefined, "SIGKILL").meaning, exitStatus(137, undefined).meaning);
  assert.match(exitStatus(137, undefined, true).meaning, /ran out of memory/);
  assert.match(exitStatus(42, undefined).meaning, /exit code 42/);
  assert.match(exitStatus(undefined, "SIGUSR1").meaning, /signal SIGUSR1/);
  assert.match(exitStatus(undefined, undefined).meaning, /not known/);
});
