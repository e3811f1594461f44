/**
 * The indexes that installed packages bring for the chaincodes of a channel. As in Fabric, a bad
 * definition is reported and left out: the peer goes on without the index.
 * Mirrors common_storage_db.go HandleChaincodeDeploy and core/ledger/cceventmgmt.
 */
import { base64 } from "../../base/bytes.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { type ChaincodeData, decodeChaincodeData } from "../../protocol/chaincode-data.ts";
import { collectionsOf, lsccNamespace, type StateGetter } from "../private/collection-policy.ts";
import { privateNamespace } from "../state/state-key.ts";
import type { Database } from "../storage/database.ts";
import { parseIndexDefinition } from "./index-definition.ts";
import type { IndexWriter } from "./index-store.ts";

/** A file under META-INF/statedb, by its path inside of the package. */
export interface IndexFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** The files of the installed package that the definition names; undefined where it is not installed. */
export type IndexFiles = (
  definition: Pick<ChaincodeData, "name" | "version" | "data">,
) => readonly IndexFile[] | undefined;

export interface ChaincodeIndexModules {
  /** The ledger's writer. */
  readonly database: Database;
  readonly getState: StateGetter;
  readonly files: IndexFiles;
  readonly logger: Logger;
}

const indexPath = /^META-INF\/statedb\/couchdb\/(?:collections\/([^/]+)\/)?indexes\//;

function isCollectionKey(key: string): boolean {
  return key.includes("~");
}

function definitionOf({ getState }: ChaincodeIndexModules, name: string) {
  const stored = getState(lsccNamespace, name);
  if (stored === undefined || isCollectionKey(name)) return undefined;
  try {
    return decodeChaincodeData(stored);
  } catch {
    return undefined; // Validation refuses such definitions; there is nothing to index for.
  }
}

function collectionNames({ getState }: ChaincodeIndexModules, name: string): string[] {
  return (collectionsOf(getState, name)?.config ?? []).map(({ payload }) =>
    payload.case === "staticCollectionConfig" ? payload.value.name : ""
  );
}

/** What the indexes of a chaincode depend on. */
function sourceOf({ version, data }: ChaincodeData, collections: readonly string[]): string {
  return JSON.stringify([version, base64(data), collections]);
}

function recordedSource(database: Database, name: string): unknown {
  return database.prepare("SELECT source FROM rich_source WHERE chaincode = ?").get(name)?.source;
}

/** Names of chaincodes on the channel whose installed indexes are not all there. */
export function chaincodesToIndex(
  modules: ChaincodeIndexModules,
  names: Iterable<string>,
): string[] {
  return [...names].filter((name) => {
    const definition = definitionOf(modules, name);
    return definition !== undefined &&
      recordedSource(modules.database, name) !==
        sourceOf(definition, collectionNames(modules, name));
  });
}

/** Defines what the packages of these chaincodes bring; to be called inside a write transaction. */
export function defineChaincodeIndexes(
  modules: ChaincodeIndexModules,
  writer: IndexWriter,
  names: Iterable<string>,
): void {
  const { database, files, logger } = modules;
  for (const name of chaincodesToIndex(modules, names)) {
    const definition = definitionOf(modules, name);
    if (definition === undefined) continue;
    let found: readonly IndexFile[] | undefined;
    try {
      found = files(definition);
    } catch (error) {
      logger.error(`error extracting indexes of chaincode [${name}]: ${messageOf(error)}`);
    }
    if (found === undefined) continue;
    const collections = collectionNames(modules, name);
    for (const file of found) defineOne(file, name, collections, modules, writer);
    database.prepare("INSERT OR REPLACE INTO rich_source (chaincode, source) VALUES (?, ?)")
      .run(name, sourceOf(definition, collections));
  }
}

function defineOne(
  file: IndexFile,
  chaincode: string,
  collections: readonly string[],
  { logger }: ChaincodeIndexModules,
  writer: IndexWriter,
): void {
  const path = indexPath.exec(file.name);
  if (path === null) return;
  const collection = path[1];
  if (collection !== undefined && !collections.includes(collection)) {
    logger.error(
      `Error processing index for chaincode [${chaincode}]: cannot create an index for an undefined collection=[${collection}]`,
    );
    return;
  }
  const namespace = collection === undefined ? chaincode : privateNamespace(chaincode, collection);
  try {
    const index = parseIndexDefinition(file.content);
    writer.define(namespace, index);
    logger.info(
      `Created CouchDB index [${index.name}] in state database [${namespace}] using design document [${index.designDocument}]`,
    );
  } catch (error) {
    logger.error(
      `error creating index from file [${file.name}] for channel [${namespace}]: ${
        messageOf(error)
      }`,
    );
  }
}
