/** META-INF files in a package: index definitions for the state database. Mirrors core/chaincode/platforms/ccmetadata. */
import { text } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { readCodePackage } from "./code-package.ts";
import { writeTar } from "./tar.ts";

const indexFile = /^META-INF\/statedb\/couchdb\/indexes\/.*[.]json/;
const collectionIndexFile =
  /^META-INF\/statedb\/couchdb\/collections\/[A-Za-z0-9_-]+\/indexes\/.*[.]json/;

/**
 * Is this a metadata file Fabric knows, with a valid index definition in it?
 * @param name path in the package, `META-INF/…`
 * @throws DenimError `invalid-metadata` with Fabric's text
 */
export function validateMetadataFile(name: string, content: Uint8Array): void {
  if (!indexFile.test(name) && !collectionIndexFile.test(name)) refuse(placeProblem(name), name);
  const definition = jsonObject(content);
  if (definition === undefined) {
    refuse(`Index metadata file [${name}] is not a valid JSON`, name);
  }
  const problem = indexProblem(definition);
  if (problem !== undefined) {
    refuse(`Index metadata file [${name}] is not a valid index definition: ${problem}`, name);
  }
}

/** The package's META-INF/statedb files as an uncompressed tar, headers as they are. */
export function stateMetadata(codePackage: Uint8Array): Uint8Array {
  return writeTar(
    readCodePackage(codePackage).filter((entry) => entry.name.startsWith("META-INF/statedb/")),
  );
}

function refuse(message: string, name: string): never {
  throw new DenimError(
    "invalid-metadata",
    message,
    { name },
    "Indexes belong into META-INF/statedb/couchdb/indexes/NAME.json.",
  );
}

function placeProblem(name: string): string {
  const slash = name.lastIndexOf("/") + 1;
  const directory = name.slice(0, slash);
  const file = name.slice(slash);
  if (!name.startsWith("META-INF/statedb")) {
    return `metadata file path must begin with META-INF/statedb, found: ${directory}`;
  }
  const parts = directory.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length < 4) {
    return `metadata file path must include a database and index directory: ${directory}`;
  }
  if (parts[2] !== "couchdb") {
    return `database name [${parts[2]}] is not supported, valid options: [couchdb]`;
  }
  if (parts.length === 4 && parts[3] !== "indexes") {
    return `metadata file path does not have an indexes directory: ${directory}`;
  }
  if (parts.length !== 6) {
    return `metadata file path for collections must include a collections and index directory: ${directory}`;
  }
  if (parts[3] !== "collections" || parts[5] !== "indexes") {
    return `metadata file path for collections must have a collections and indexes directory: ${directory}`;
  }
  if (!/^[A-Za-z0-9_-]+/.test(parts[4])) return `collection name is not valid: ${parts[4]}`;
  if (!/^.*[.]json/.test(file)) return `artifact file name is not valid: ${file}`;
  return `metadata file path or name is not supported: ${directory}`;
}

function jsonObject(content: Uint8Array): Record<string, unknown> | undefined {
  try {
    // Go replaces what is not UTF-8, and reads null as an object without entries.
    const value: unknown = JSON.parse(text(content));
    return value === null ? {} : isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function indexProblem(definition: Record<string, unknown>): string | undefined {
  let indexed = false;
  for (const [key, value] of Object.entries(definition)) {
    if (key === "index") {
      if (!isObject(value)) return `Invalid entry, "index" must be a JSON`;
      const problem = fieldsProblem(value);
      if (problem !== undefined) return problem;
      indexed = true;
    } else if (key === "ddoc" || key === "name") {
      if (typeof value !== "string") return `Invalid entry, "${key}" must be a string`;
    } else if (key === "type") {
      if (value !== "json") return "Index type must be json";
    } else {
      return `Invalid Entry.  Entry ${key}`;
    }
  }
  return indexed ? undefined : `Index definition must include a "fields" definition`;
}

function fieldsProblem(index: Record<string, unknown>): string | undefined {
  for (const [key, value] of Object.entries(index)) {
    if (key === "partial_filter_selector") continue;
    if (key !== "fields") return `Invalid Entry.  Entry ${key}`;
    if (!Array.isArray(value)) return "Expecting a JSON array of fields";
    for (const field of value) {
      if (!isObject(field)) continue;
      for (const order of Object.values(field)) {
        if (typeof order !== "string") {
          return `Invalid field definition, fields must be in the form "fieldname":"sort"`;
        }
        if (!["asc", "desc"].includes(order.toLowerCase())) {
          return `Sort must be either "asc" or "desc".  "${order}" was found.`;
        }
      }
    }
  }
  return undefined;
}
