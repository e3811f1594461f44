import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withDirectory } from "../../../tests/support/runtime.ts";
import { prunableModulesAgeMs, pruneBuilds } from "./prune.ts";

Deno.test("builds of nothing that is installed go, with the dependencies that only they used", async () => {
  await withDirectory((directory) => {
    const make = (path: string, file: string, content = "") => {
      mkdirSync(join(directory, path), { recursive: true });
      writeFileSync(join(directory, path, file), content);
    };
    for (const modules of ["shared", "lost", "fresh"]) {
      make(`cache/modules/${modules}/node_modules/x`, "index.js", "1234");
    }
    const now = Date.now() + prunableModulesAgeMs + 1_000;
    utimesSync(join(directory, "cache/modules/fresh"), now / 1_000, now / 1_000);
    for (const build of ["keep", "drop", "made.123"]) {
      make(`builds/${build}/src`, "main.js", "12345");
    }
    const link = (build: string, modules: string) =>
      symlinkSync(
        join(directory, "cache/modules", modules, "node_modules"),
        join(directory, "builds", build, "src/node_modules"),
      );
    link("keep", "shared");
    link("drop", "lost");

    const pruned = pruneBuilds(directory, new Set(["keep"]), now);
    assert.deepEqual(pruned.map(({ kind, name }) => `${kind} ${name}`), [
      "build drop",
      "build dependencies lost",
    ]);
    assert(pruned[0].bytes >= 5 && pruned[1].bytes === 4);
    const stays = (path: string) => existsSync(join(directory, path));
    assert(stays("builds/keep") && stays("builds/made.123"));
    assert(stays("cache/modules/shared") && stays("cache/modules/fresh"));
    assert(!stays("builds/drop") && !stays("cache/modules/lost"));
    assert.deepEqual(pruneBuilds(join(directory, "nowhere"), new Set(), now), []);
    return Promise.resolve();
  });
});
