import assert from "node:assert/strict";
import { emptyBytes } from "../base/bytes.ts";
import type { LedgerSettings } from "../config/types.ts";
import { ledgerOptions } from "./ledger-options.ts";

const packages = {
  has: () => false,
  load: () => assert.fail("not installed"),
};

function options(changes: Partial<LedgerSettings>) {
  const settings = {
    stateDatabase: "goleveldb",
    richQueries: true,
    internalQueryLimit: 1_000,
    enableHistoryDatabase: true,
    ...changes,
  } as LedgerSettings;
  return ledgerOptions(settings, packages);
}

Deno.test("rich queries are answered unless LevelDB's refusal is asked for", () => {
  assert.ok(options({}).richQueries);
  assert.equal(options({}).stateDatabase, "goleveldb");
  assert.equal(options({ richQueries: false }).richQueries, undefined);
  assert.ok(options({ richQueries: false, stateDatabase: "CouchDB" }).richQueries);
  assert.equal(options({ stateDatabase: "CouchDB" }).stateDatabase, "CouchDB");
  assert.equal(options({ stateDatabase: "couchdb" }).stateDatabase, "goleveldb", "as in Fabric");
});

Deno.test("a chaincode without a package on this peer has no indexes", () => {
  const { indexFiles } = options({});
  assert.equal(indexFiles?.({ name: "cc", version: "1", data: emptyBytes }), undefined);
});
