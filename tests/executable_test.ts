/** dist/denim alone: from an empty directory, with no Deno, no Node and no sources in sight. */
import assert from "node:assert/strict";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assetExample, Workplace } from "./support/denim.ts";
import { barePath, buildExecutable } from "./support/executable.ts";

Deno.test("the executable does the whole main job by itself", async (t) => {
  const base = mkdtempSync(join(tmpdir(), "denim executable "));
  try {
    const executable = await buildExecutable(base);
    const path = barePath(base);
    const cache = join(base, "cache");
    const workplace = (environment: Record<string, string> = {}, program = executable) =>
      new Workplace({ command: [program], environment: { PATH: path, ...environment } });
    const version = /^denim:\n Version: \d+\.\d+\.\d+\n/;
    const extractions = (directory: string) =>
      readdirSync(directory).filter((name) => /^[0-9a-f]{16}$/.test(name));

    await t.step("three that start at once with a cold cache leave one extraction", async () => {
      await using work = workplace({ DENIM_CACHE: cache });
      const answers = await Promise.all([1, 2, 3].map(() => work.ok(["--version"])));
      for (const answer of answers) assert.match(answer, version);
      assert.equal(readdirSync(cache).length, 1, `left: ${readdirSync(cache)}`);
      assert.deepEqual(readdirSync(join(cache, extractions(cache)[0])).toSorted(), [
        ...["LICENSE", "app", "cache", "deno"],
      ]);
    });

    await t.step(
      "the main job by its commands, in a directory with a broken deno.json",
      async () => {
        await using work = workplace({ DENIM_CACHE: cache });
        for (const file of ["deno.json", "package.json", "main.ts"]) {
          writeFileSync(join(work.directory, file), "{ broken");
        }
        const chaincode = join(work.directory, "my chaincode");
        cpSync(assetExample, chaincode, { recursive: true });
        await work.up("--runtime", "process");
        const { pid } = work.network();
        assert.match(
          readFileSync(`/proc/${pid}/cmdline`, "utf8"),
          /^[^\0]*\/cache\/[0-9a-f]+\/deno/,
        );
        const asset = ["-n", "asset", "-v", "1.0"];
        await work.ok(["chaincode", "install", "-l", "node", ...asset, "-p", chaincode]);
        await work.ok([
          ...["chaincode", "instantiate", "-C", "mychannel", ...asset],
          ...["-c", '{"Args":["init"]}'],
        ]);
        const call = (kind: string, ...args: string[]) => [
          ...["chaincode", kind, "-C", "mychannel", "-n", "asset"],
          ...["-c", JSON.stringify({ Args: args })],
        ];
        await work.ok([...call("invoke", "create", "a1", "ann", "5"), "--waitForEvent"]);
        assert.equal(
          await work.ok(call("query", "read", "a1")),
          '{"id":"a1","owner":"ann","value":5}\n',
        );
        await work.ok(["chaincode", "package", "-l", "node", ...asset, "-p", chaincode, "a.cds"]);
        assert.match(await work.ok(["ledger", "verify", "-C", "mychannel"]), /3 blocks/);
        assert.match(await work.ok(["down", "--purge"]), /Stopped.*\nDeleted/);
      },
    );

    await t.step("it speaks to a Docker engine", async () => {
      await using work = workplace({ DENIM_CACHE: cache });
      const socket = join(work.directory, "engine.sock");
      const engine = createServer(({ url = "" }, answer) => {
        const versions = { Version: "20.10.24", ApiVersion: "1.41", MinAPIVersion: "1.12" };
        const known = /\/_ping$/.test(url) ? "OK" : /\/version$/.test(url) ? versions : undefined;
        answer.writeHead(known ? 200 : 404, { "content-type": "application/json" });
        answer.end(JSON.stringify(known ?? { message: "no such image" }));
      });
      await new Promise<void>((listening) => engine.listen(socket, listening));
      try {
        await work.ok(["up", "--detach", "--port", "0"], {
          environment: { CORE_VM_ENDPOINT: `unix://${socket}` },
        });
        assert.match(
          readFileSync(join(work.directory, ".denim", "denim.log"), "utf8"),
          /local processes: Docker 20\.10\.24 at unix:\S+, API 1\.41 answers but does not have/,
        );
      } finally {
        await work.ok(["down"]);
        engine.closeAllConnections();
        await new Promise((closed) => engine.close(closed));
      }
    });

    await t.step("demo brings its example along, and takes another", async () => {
      await using work = workplace({ DENIM_CACHE: cache });
      cpSync(assetExample, join(work.directory, "mine"), { recursive: true });
      for (const example of [[], ["--example", "mine"]]) {
        const out = await work.ok(["demo", "--runtime", "process", ...example]);
        assert.match(out, /query read asset1: \{"id":"asset1","owner":"bob","value":100\}/);
      }
    });

    await t.step("through a link named peer it is peer", async () => {
      const link = join(base, "peer");
      symlinkSync(executable, link);
      await using work = workplace({ DENIM_CACHE: cache }, link);
      assert.match(await work.ok(["version"]), /^peer:\n Version: 1\.4\.2\n/);
      await using found = workplace({ DENIM_CACHE: cache, PATH: `${path}:${base}` }, "peer");
      assert.match(await found.ok(["version"]), /^peer:\n/);
    });

    await t.step("a cache or a home that cannot be written is no obstacle", async () => {
      for (const [name, value] of [["DENIM_CACHE", "/dev/null/x"], ["HOME", "/proc/nobody"]]) {
        const temporary = mkdtempSync(join(base, "tmp"));
        await using work = workplace({ [name]: value, TMPDIR: temporary });
        assert.match(await work.ok(["--version"]), version);
        assert.equal(extractions(join(temporary, readdirSync(temporary)[0])).length, 1);
      }
      await using work = workplace({ DENIM_CACHE: "/dev/null/x", TMPDIR: "/dev/null/y" });
      const { code, err } = await work.run(["--version"]);
      assert.equal(code, 1);
      assert.match(
        err,
        /^Error: denim cannot unpack itself: \/dev\/null\/y.*\nHint: set DENIM_CACHE/,
      );
    });

    await t.step("an extraction that somebody else made is not run", async () => {
      const home = join(base, "home");
      mkdirSync(join(home, ".cache/denim"), { recursive: true });
      cpSync(
        join(cache, extractions(cache)[0]),
        join(home, ".cache/denim", extractions(cache)[0]),
        { recursive: true },
      );
      const planted = join(home, ".cache/denim", extractions(cache)[0]);
      writeFileSync(join(planted, "deno"), "#!/bin/sh\necho planted\n");
      const temporary = mkdtempSync(join(base, "tmp"));
      await using work = workplace({ HOME: home, TMPDIR: temporary });
      assert.equal(await work.ok(["--version"]), "planted\n");
      if (Deno.uid() !== 0) return; // only root can give files away
      Deno.chownSync(planted, 65_534, 65_534);
      assert.match(await work.ok(["--version"]), version);
    });

    await t.step("a damaged file says so and unpacks nothing", async () => {
      const damages: Record<string, (file: string) => void> = {
        cut: (file) => truncateSync(file, Deno.statSync(file).size - 1_000_000),
        longer: (file) => Deno.writeTextFileSync(file, "x", { append: true }),
        changed: (file) => {
          using handle = Deno.openSync(file, { write: true });
          handle.seekSync(20_000_000, Deno.SeekMode.Start);
          handle.writeSync(new Uint8Array(100));
        },
      };
      for (const [name, damage] of Object.entries(damages)) {
        const file = join(base, name);
        copyFileSync(executable, file);
        chmodSync(file, 0o755);
        damage(file);
        const empty = join(base, `${name} cache`);
        await using work = workplace({ DENIM_CACHE: empty }, file);
        const { code, out, err } = await work.run(["--version"]);
        assert.equal(code, 1);
        assert.equal(out, "");
        assert.match(
          err,
          /^Error: denim cannot unpack itself: .* is damaged\nHint: build or down.*\n$/,
        );
        assert.deepEqual(readdirSync(empty), []);
      }
    });
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
