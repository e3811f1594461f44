import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SourceWatcher } from "./source-changes.ts";

Deno.test("changes that belong together come at once; what makes no difference does not come", async () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "denim-watch-")));
  mkdirSync(join(directory, "lib"));
  mkdirSync(join(directory, "node_modules"));
  const watcher = new SourceWatcher(directory);
  try {
    const write = (name: string) => writeFileSync(join(directory, name), "x");
    for (const name of ["node_modules/a.js", "main.js.swp", "main.js~", "main.js", "lib/b.js"]) {
      write(name);
    }
    assert.deepEqual(await watcher.next(), ["lib/b.js", "main.js"]);
    // What comes while nobody waits is kept.
    write("later.js");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(await watcher.next(), ["later.js"]);
    const waiting = watcher.next();
    await watcher.close();
    assert.equal(await waiting, undefined);
    assert.equal(await watcher.next(), undefined);
  } finally {
    await watcher.close();
    rmSync(directory, { recursive: true });
  }
});
