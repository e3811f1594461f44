/** The check of a ledger's file as such, below what its blocks say. */
import { DenimError } from "../../base/errors.ts";
import { defaultLedgerLimits } from "../limits.ts";
import { Database } from "./database.ts";

/** SQLite's own check of every page and index of a ledger's file; what it says, empty where sound. */
export function verifyLedgerFile(file: string): string[] {
  const { readerCacheKiB: cacheKiB, lockTimeoutMs } = defaultLedgerLimits;
  let database: Database | undefined;
  try {
    database = new Database(file, { readOnly: true, cacheKiB, lockTimeoutMs });
    return database.prepare("PRAGMA integrity_check").all()
      .map((row) => String(row.integrity_check)).filter((line) => line !== "ok");
  } catch (thrown) {
    if (thrown instanceof DenimError && thrown.code === "ledger-damaged") return [thrown.message];
    throw thrown;
  } finally {
    database?.close();
  }
}
