/** A ledger with rich queries, and chaincodes that bring indexes. */
import { emptyBytes, text, utf8 } from "../../src/base/bytes.ts";
import type { LedgerProviderOptions } from "../../src/ledger/ledger-provider.ts";
import { createMangoEngine } from "../../src/ledger/mango/engine.ts";
import { collectionConfigKey, lsccNamespace } from "../../src/ledger/private/collection-policy.ts";
import type { PeerLedger, TxSimulator } from "../../src/ledger/types.ts";
import { encodeChaincodeData } from "../../src/protocol/chaincode-data.ts";
import { collectionPackage, commitOne, type TestLedger, testLedger } from "./test-ledger.ts";

export interface RichQueryLedger extends TestLedger {
  /** Installed packages: files by chaincode and version, `cc:1`. */
  readonly packages: Map<string, Record<string, unknown>>;
}

export interface RichQueryLedgerOptions extends Partial<LedgerProviderOptions> {
  readonly internalQueryLimit?: number;
  readonly binaryDocuments?: boolean;
}

export function richQueryLedger(
  { internalQueryLimit = 1_000, binaryDocuments = false, ...options }: RichQueryLedgerOptions = {},
): RichQueryLedger {
  const packages = new Map<string, Record<string, unknown>>();
  const test = testLedger({
    richQueries: createMangoEngine({ internalQueryLimit, binaryDocuments }),
    indexFiles: ({ name, version }) => {
      const files = packages.get(`${name}:${version}`);
      return files && Object.entries(files).map(([path, definition]) => ({
        name: `META-INF/statedb/couchdb/${path}`,
        content: utf8(typeof definition === "string" ? definition : JSON.stringify(definition)),
      }));
    },
    ...options,
  });
  return Object.assign(test, { packages });
}

/** Commits a chaincode's definition as lscc writes it. */
export function instantiate(
  ledger: PeerLedger,
  name: string,
  version: string,
  collections?: Readonly<Record<string, number>>,
): void {
  commitOne(ledger, (simulator) => {
    const data = encodeChaincodeData({
      name,
      version,
      escc: "escc",
      vscc: "vscc",
      policy: emptyBytes,
      data: emptyBytes,
      id: emptyBytes,
      instantiationPolicy: undefined,
    });
    simulator.setState(lsccNamespace, name, data);
    if (collections) {
      simulator.setState(lsccNamespace, collectionConfigKey(name), collectionPackage(collections));
    }
  });
}

/** Commits JSON documents, one block. */
export function putAll(
  ledger: PeerLedger,
  namespace: string,
  documents: Readonly<Record<string, unknown>>,
): void {
  commitOne(ledger, (simulator) => {
    for (const [key, document] of Object.entries(documents)) {
      const value = typeof document === "string" ? document : JSON.stringify(document);
      simulator.setState(namespace, key, utf8(value));
    }
  });
}

export function inQuery<T>(ledger: PeerLedger, run: (simulator: TxSimulator) => T): T {
  const simulator = ledger.newSimulator("query");
  try {
    return run(simulator);
  } finally {
    simulator.done();
  }
}

/** Keys and values of a query's results. */
export function ask(ledger: PeerLedger, namespace: string, query: unknown): [string, string][] {
  return inQuery(ledger, (simulator) => {
    const iterator = simulator.executeQuery(
      namespace,
      typeof query === "string" ? query : JSON.stringify(query),
    );
    const results: [string, string][] = [];
    for (let result = iterator.next(); result; result = iterator.next()) {
      results.push([result.key, text(result.value)]);
    }
    return results;
  });
}

export function keysOf(ledger: PeerLedger, namespace: string, query: unknown): string[] {
  return ask(ledger, namespace, query).map(([key]) => key);
}

/** One page, read to its end as the peer does. */
export function page(
  ledger: PeerLedger,
  namespace: string,
  query: unknown,
  pageSize: number,
  bookmark: string,
): { keys: string[]; bookmark: string } {
  return inQuery(ledger, (simulator) => {
    const json = JSON.stringify(query);
    const iterator = simulator.executeQueryPaged(namespace, json, bookmark, pageSize);
    const keys: string[] = [];
    while (keys.length < pageSize) {
      const result = iterator.next();
      if (result === undefined) break;
      keys.push(result.key);
    }
    return { keys, bookmark: iterator.bookmarkAndClose() };
  });
}
