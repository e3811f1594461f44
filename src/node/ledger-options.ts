/** How the configuration shapes a peer's ledgers. */
import { loadMatching } from "../chaincode/package/package-store.ts";
import { stateDatabaseFiles } from "../chaincode/package/code-package.ts";
import type { ChaincodePackage } from "../chaincode/package/chaincode-package.ts";
import type { LedgerSettings } from "../config/types.ts";
import type { LedgerProviderOptions } from "../ledger/ledger-provider.ts";
import { createMangoEngine } from "../ledger/mango/engine.ts";

interface Packages {
  has(name: string, version: string): boolean;
  load(name: string, version: string): ChaincodePackage;
}

type StateOptions = Pick<
  LedgerProviderOptions,
  "historyEnabled" | "stateDatabase" | "richQueries" | "indexFiles"
>;

/**
 * The state behaves as the state database that the configuration names; both are the built-in store.
 *
 * Rich queries are answered with `goleveldb` too, where a Go peer refuses them: that is what the
 * built-in store is for. Endorsements can differ from a Go peer on LevelDB only for chaincode that
 * asks such queries, and only in that Denim answers. `ledger.state.richQueries: false` (Denim's own
 * setting) refuses them with LevelDB's words. Beside Go peers on CouchDB `stateDatabase: CouchDB` must
 * be set: it decides which keys and values are valid and how JSON values read.
 */
export function ledgerOptions(settings: LedgerSettings, packages: Packages): StateOptions {
  const couch = settings.stateDatabase === "CouchDB";
  const state: StateOptions = {
    historyEnabled: settings.enableHistoryDatabase,
    stateDatabase: couch ? "CouchDB" : "goleveldb",
  };
  if (!settings.richQueries && !couch) return state;
  return {
    ...state,
    richQueries: createMangoEngine({
      internalQueryLimit: settings.internalQueryLimit,
      binaryDocuments: couch,
    }),
    indexFiles: (definition) =>
      packages.has(definition.name, definition.version)
        ? stateDatabaseFiles(loadMatching(packages, definition).deploymentSpec)
        : undefined,
  };
}
