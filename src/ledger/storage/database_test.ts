import assert from "node:assert/strict";
import { join } from "node:path";
import { temporaryDirectory } from "../../../tests/support/temporary.ts";
import { Database } from "./database.ts";

/** SQLite's numbers for `synchronous`. */
const normal = 1;
const full = 2;

Deno.test("transactions are forced to the disk, except while the owner says that more follow", () => {
  using directory = temporaryDirectory("denim-database-");
  const database = new Database(join(directory.path, "ledger.db"), {
    lockTimeoutMs: 100,
    cacheKiB: 64,
  });
  try {
    const synchronous = () => database.prepare("PRAGMA synchronous").get()?.synchronous;
    const seen = [synchronous()];
    for (const force of [true, false, false, true]) {
      database.forceToDisk(force);
      database.transaction(() => database.exec("CREATE TABLE IF NOT EXISTS t (x)"));
      seen.push(synchronous());
    }
    assert.deepEqual(seen, [full, full, normal, normal, full]);
  } finally {
    database.close();
  }
});
