/** Looking after running chaincode as an administrator does: ps, logs, stop, restart, prune, --trace. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assetExample, type Finished, Workplace } from "./support/denim.ts";
import { until } from "./support/until.ts";

const chaincode = (...args: string[]) => ["chaincode", ...args];
const install = (name: string, version: string, path = assetExample) =>
  chaincode("install", "-l", "node", "-n", name, "-v", version, "-p", path);
const deploy = (kind: string, name: string, version: string, ...more: string[]) =>
  chaincode(
    ...[kind, "-C", "mychannel", "-n", name, "-v", version],
    ...["-c", '{"Args":["init"]}', ...more],
  );
const invoke = (name: string, args: string[], ...more: string[]) =>
  chaincode(
    ...["invoke", "-C", "mychannel", "-n", name],
    ...["-c", JSON.stringify({ Args: args }), "--waitForEvent", ...more],
  );

/** What `ps --json` tells of a launch. */
interface Listed {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly id: string;
  readonly launch: number;
  readonly error?: string;
  readonly exit?: { readonly reason: string };
  readonly steps: { readonly name: string; readonly outcome: string }[];
}

async function listed(work: Workplace, ...more: string[]): Promise<Listed[]> {
  return JSON.parse(await work.ok(chaincode("ps", "--json", ...more)));
}

/** Until the deployment is committed, which the command does not wait for. */
async function instantiated(work: Workplace, name: string, version: string): Promise<void> {
  await until(`${name} ${version}`, async () => {
    const list = await work.ok(chaincode("list", "--instantiated", "-C", "mychannel"));
    return list.includes(`Name: ${name}, Version: ${version},`);
  });
}

function source(work: Workplace, name: string, main: string): string {
  const path = join(work.directory, name);
  mkdirSync(path);
  writeFileSync(
    join(path, "package.json"),
    JSON.stringify({ name, version: "1.0.0", scripts: { start: "node main.js" } }),
  );
  writeFileSync(join(path, "main.js"), main);
  return path;
}

function pidOf({ id }: Listed): number {
  return Number(id.replace("pid ", ""));
}

Deno.test("running chaincode is listed, read, stopped, restarted, replaced and pruned", async (t) => {
  await using work = new Workplace();
  await work.up("--runtime", "process");

  await t.step("a traced instantiate tells every step, with its time, on stderr", async () => {
    await work.ok(install("asset", "1.0"));
    const { code, out, err } = await work.run(deploy("instantiate", "asset", "1.0", "--trace"));
    assert.equal(code, 0, err);
    assert.equal(out, "");
    const steps = [...err.matchAll(/^\d\d:\d\d:\d\d\.\d{3} {2}(\w+) +(begin|ok)/gm)]
      .map(([, name, state]) => `${name} ${state}`);
    for (const name of ["endorse", "package", "tls", "start", "register", "init", "order"]) {
      assert(steps.includes(`${name} begin`) && steps.includes(`${name} ok`), `${name}\n${err}`);
    }
    assert(steps.indexOf("register ok") < steps.indexOf("init begin"), err);
    assert(steps.indexOf("init ok") < steps.indexOf("endorse ok"), err);
    await instantiated(work, "asset", "1.0");
  });

  await t.step("ps shows it, for people and for programs", async () => {
    assert.match(
      await work.ok(chaincode("ps")),
      /^NAME +VERSION +STATE +RUNTIME +ID +LAUNCH +SINCE.*\nasset +1\.0 +running +process +pid \d+ +1 +\d+ seconds? ago/,
    );
    const [launch] = await listed(work);
    assert.equal(launch.state, "running");
    assert.deepEqual(
      launch.steps.filter(({ outcome }) => outcome !== "ok"),
      [],
    );
    assert.deepEqual(await listed(work, "other"), []);
  });

  await t.step("logs prints what it wrote, and with --follow goes on until it ends", async () => {
    assert.match(await work.ok(chaincode("logs", "asset")), /asset:1\.0|[Rr]egister/);
    assert.equal((await work.ok(chaincode("logs", "asset", "--tail", "1"))).split("\n").length, 2);
    const followed = work.run(chaincode("logs", "--launch", "1", "-f", "--timestamps"));
    await work.ok(chaincode("restart", "asset"));
    const { code, out, err } = await followed;
    assert.equal(code, 0, err);
    assert.match(out, /^\d{4}-\d\d-\d\dT\S+Z /);
  });

  await t.step("stop ends it, its output can still be read, its next use launches it", async () => {
    assert.equal(await work.ok(chaincode("stop", "asset")), "asset:1.0\n");
    assert.deepEqual(await listed(work), []);
    const all = await listed(work, "--all");
    assert.deepEqual(all.map(({ state }) => state), ["stopped", "stopped"]);
    assert.notEqual(await work.ok(chaincode("logs", "--launch", "1")), "");
    const { code, err } = await work.run(invoke("asset", ["create", "a1", "ann", "5"], "--trace"));
    assert.equal(code, 0, err);
    assert.match(err, / {2}register {2}ok {2}/);
    assert.match(err, / {2}commit {4}ok {2}/);
    assert.equal((await listed(work))[0].launch, 3);
    const warm = await work.run(invoke("asset", ["create", "a2", "ann", "5"], "--trace"));
    assert.doesNotMatch(warm.err, /register/);
  });

  await t.step("killed, it is launched again on its next use", async () => {
    const [running] = await listed(work);
    Deno.kill(pidOf(running), "SIGKILL");
    await until("its end", async () => (await listed(work)).length === 0);
    await work.ok(invoke("asset", ["create", "a3", "ann", "5"]));
    const killed = (await listed(work, "--all")).find(({ launch }) => launch === running.launch);
    assert.match(killed?.exit?.reason ?? "", /SIGKILL.*out of memory/);
  });

  await t.step(
    "one that ends in mid-transaction says so at once, and its next use launches it",
    async () => {
      const path = join(work.directory, "dies");
      cpSync(assetExample, path, { recursive: true });
      const main = join(path, "chaincode.js");
      const calm = readFileSync(main, "utf8");
      const dying = `if (id === "deadly") { console.error("it was deadly"); process.exit(3); }`;
      writeFileSync(main, calm.replace("return await load(stub, id);", `${dying}\n$&`));
      assert.notEqual(readFileSync(main, "utf8"), calm);
      await work.ok(
        chaincode("deploy", path, "-n", "dies", "-c", '{"Args":["init","a","ann","5"]}'),
      );
      const began = performance.now();
      const { code, err } = await work.run(invoke("dies", ["read", "deadly"]));
      // The execute timeout is 30 s.
      assert(performance.now() - began < 25_000);
      assert.equal(code, 1);
      assert.match(
        err,
        /chaincode stream terminated: container exited with 3: .*; last output:[^]*it was deadly/,
      );
      await work.ok(invoke("dies", ["read", "a"]));
    },
  );

  await t.step("a committed upgrade stops the version that it replaced", async () => {
    await work.ok(install("asset", "2.0"));
    await work.ok(deploy("upgrade", "asset", "2.0"));
    await instantiated(work, "asset", "2.0");
    await until("the end of 1.0", async () => {
      const versions = (await listed(work, "asset")).map(({ version }) => version);
      return versions.length === 1 && versions[0] === "2.0";
    });
    await work.ok(invoke("asset", ["create", "a4", "ann", "5"]));
  });

  await t.step("prune removes what is over and leaves what is installed", async () => {
    const out = await work.ok(chaincode("prune"));
    assert.match(out, /^output +launch 1 of asset:1\.0$/m);
    assert.doesNotMatch(out, /^build/m);
    assert.match(out, /^Total reclaimed space: [\d.]+k?B$/m);
    await work.ok(invoke("asset", ["create", "a5", "ann", "5"]));
  });

  await t.step("what does not run or was never launched is told so", async () => {
    for (const args of [["stop", "nope"], ["restart", "nope"], ["logs", "nope"]]) {
      const { code, err } = await work.run(chaincode(...args));
      assert.equal(code, 1);
      assert.match(err, /^Error: .*nope.*\nHint: 'denim chaincode ps --all'/);
    }
    const { code, err } = await work.run(chaincode("stop"));
    assert.equal(code, 1);
    assert.match(err, /requires at least one NAME\[:VERSION\]\nUsage:/);
  });

  await t.step("only administrators of the organisation may look", async () => {
    const exported = await work.ok(["env", "org1"]);
    const [, admin] = /CORE_PEER_MSPCONFIGPATH='(.*)'/.exec(exported) ?? [];
    const environment = { CORE_PEER_MSPCONFIGPATH: admin.replaceAll("Admin@", "User1@") };
    const { code, out, err } = await work.run(chaincode("ps"), { environment });
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /access denied\nHint: only administrators of the peer's own organisation/);
    const args = invoke("asset", ["create", "a6", "ann", "5"], "--trace");
    const traced = await work.run(args, { environment });
    assert.equal(traced.code, 0, traced.err);
    assert.match(traced.err, /^trace: no launches of .* only administrators/m);
    assert.match(traced.err, / {2}endorse {3}ok/);
  });
});

Deno.test("a chaincode that cannot run says why to whoever instantiates it", async (t) => {
  const environment = { CORE_CHAINCODE_PROCESS_MEMORY: String(400 * 1024 * 1024) };
  await using work = new Workplace({ environment });
  await work.up("--runtime", "process");
  const failing = async (name: string, main: string): Promise<Finished> => {
    await work.ok(install(name, "1.0", source(work, name, main)));
    const finished = await work.run(deploy("instantiate", name, "1.0"));
    assert.equal(finished.code, 1);
    return finished;
  };

  await t.step("exit code, its meaning, the last lines and what to do", async () => {
    const { err } = await failing("lost", 'console.log("starting");\nrequire("left-pad");\n');
    assert.match(
      err,
      /error code 500, msg chaincode registration failed: container exited with 1: /,
    );
    assert.match(err, /\n {2}starting\n/);
    assert.match(err, /\nHint: The module left-pad is missing: list it in package\.json/);
    const [launch] = await listed(work, "--all", "lost");
    assert.equal(launch.state, "failed");
    assert.equal(launch.steps.at(-1)?.name, "register");
    const logs = await work.run(chaincode("logs", "lost"));
    assert.match(logs.out, /^starting\n/);
    assert.match(
      logs.err,
      /^launch 1 of lost:1\.0 failed after .*: container exited with 1: it failed.*\nHint: The module left-pad/m,
    );
  });
  await t.step("after a restart of the peer all of that can still be read", async () => {
    await work.ok(["down"]);
    await work.up("--runtime", "process");
    const [launch] = await listed(work, "--all", "lost");
    assert.deepEqual([launch.state, launch.launch, launch.steps.at(-1)?.name], [
      "failed",
      1,
      "register",
    ]);
    assert.match(
      await work.ok(chaincode("ps", "--all")),
      /^lost +1\.0 +failed .*container exited with 1: it failed/m,
    );
    const logs = await work.run(chaincode("logs", "lost"));
    assert.match(logs.out, /^starting\n/);
    assert.match(logs.err, /failed after .*\nHint: The module left-pad/);
    assert.match((await failing("again", "")).err, /exited with 0/);
    assert.equal((await listed(work, "--all", "again"))[0].launch, 2);
  });
  await t.step({
    name: "one that needs more memory than it may is told the limit",
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const { err } = await failing(
        "greedy",
        "const taken = []; setInterval(() => taken.push(Buffer.alloc(2e7, 1)), 5);",
      );
      assert.match(
        err,
        /container exited with 137: it ran out of memory: it used more than 400 MiB/,
      );
      assert.match(
        err,
        /\nHint: .*ran out of memory: raise its limit .*chaincode\.process\.memory/,
      );
    },
  });
  await t.step("a syntax error is named", async () => {
    const { err } = await failing("typo", "const x = ;\n");
    assert.match(err, /Hint: The source has a syntax error/);
  });
  await t.step("a main that returns is told what is missing", async () => {
    const { err } = await failing("brief", 'console.log("done");\n');
    assert.match(err, /container exited with 0: it ended by itself/);
    assert.match(err, /Hint: Its main function returned: it must start the shim/);
  });
});

Deno.test("with chaincode.relaunch eager chaincode runs unasked, from the start and after a crash", async () => {
  await using work = new Workplace({ environment: { CORE_CHAINCODE_RELAUNCH: "eager" } });
  await work.up("--runtime", "process");
  await work.ok(install("asset", "1.0"));
  await work.ok(deploy("instantiate", "asset", "1.0"));
  await instantiated(work, "asset", "1.0");
  const running = () =>
    until("asset", async () => (await listed(work)).find(({ state }) => state === "running"));
  const first = await running();
  Deno.kill(pidOf(first), "SIGKILL");
  const second = await until(
    "its return",
    async () =>
      (await listed(work)).find(({ id, state }) => state === "running" && id !== first.id),
  );
  await work.ok(["down"]);
  assert.throws(() => Deno.kill(pidOf(second), "SIGKILL"), Deno.errors.NotFound);
  await work.up("--runtime", "process");
  // Launches are remembered over restarts, and so their numbers go on.
  assert((await running()).launch > second.launch);
});
