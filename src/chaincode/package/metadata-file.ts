/**
 * Files under META-INF/statedb: where they may lie and what a CouchDB index definition looks like.
 * Mirrors core/chaincode/platforms/ccmetadata/validators.go of Fabric 1.4.2.
 */
import { posix } from "node:path";
import { DenimError } from "../../base/errors.ts";

const indexFiles = [
  /^META-INF\/statedb\/couchdb\/indexes\/.*[.]json/,
  /^META-INF\/statedb\/couchdb\/collections\/[A-Za-z0-9_-]+\/indexes\/.*[.]json/,
];
const collectionName = /^[A-Za-z0-9_-]+/;
const databases = ["couchdb"];

type JsonObject = Record<string, unknown>;

/** @throws DenimError `bad-metadata-file` with Fabric's text */
export function validateMetadataFile(path: string, content: Uint8Array): void {
  if (!indexFiles.some((pattern) => pattern.test(path))) throw bad(misplacement(path), path);
  const definition = parseObject(content);
  if (definition === undefined) {
    throw bad(`Index metadata file [${path}] is not a valid JSON`, path);
  }
  const reason = definition === null ? missingIndex : indexProblem(definition);
  if (reason !== undefined) {
    throw bad(`Index metadata file [${path}] is not a valid index definition: ${reason}`, path);
  }
}

function misplacement(path: string): string {
  const cut = path.lastIndexOf("/") + 1;
  const directory = path.slice(0, cut);
  const file = path.slice(cut);
  if (!path.startsWith("META-INF/statedb")) {
    return `metadata file path must begin with META-INF/statedb, found: ${directory}`;
  }
  const parts = posix.normalize(directory).replace(/\/$/, "").split("/");
  if (parts.length < 4) {
    return `metadata file path must include a database and index directory: ${directory}`;
  }
  if (!databases.includes(parts[2])) {
    return `database name [${parts[2]}] is not supported, valid options: [${databases.join(" ")}]`;
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
  if (!collectionName.test(parts[4])) return `collection name is not valid: ${parts[4]}`;
  if (!/^.*[.]json/.test(file)) return `artifact file name is not valid: ${file}`;
  return `metadata file path or name is not supported: ${directory}`;
}

/** undefined: not a JSON object; null: the JSON null, which Go reads as an empty map. */
function parseObject(content: Uint8Array): JsonObject | null | undefined {
  // As Go: malformed UTF-8 is mended, a byte order mark is not.
  const json = new TextDecoder("utf-8", { ignoreBOM: true }).decode(content);
  try {
    const value: unknown = JSON.parse(json);
    return value === null ? null : isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const missingIndex = 'Index definition must include a "fields" definition';

function indexProblem(definition: JsonObject): string | undefined {
  for (const [key, value] of Object.entries(definition)) {
    switch (key) {
      case "index": {
        if (!isObject(value)) return 'Invalid entry, "index" must be a JSON';
        const problem = indexMapProblem(value);
        if (problem !== undefined) return problem;
        break;
      }
      case "ddoc":
      case "name":
        if (typeof value !== "string") return `Invalid entry, "${key}" must be a string`;
        break;
      case "type":
        if (value !== "json") return "Index type must be json";
        break;
      default:
        return `Invalid Entry.  Entry ${key}`;
    }
  }
  return "index" in definition ? undefined : missingIndex;
}

function indexMapProblem(index: JsonObject): string | undefined {
  for (const [key, value] of Object.entries(index)) {
    if (key === "partial_filter_selector") continue;
    if (key !== "fields") return `Invalid Entry.  Entry ${key}`;
    if (!Array.isArray(value)) return "Expecting a JSON array of fields";
    for (const field of value) {
      const problem = isObject(field) ? sortProblem(field) : undefined;
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function sortProblem(field: JsonObject): string | undefined {
  for (const sort of Object.values(field)) {
    if (typeof sort !== "string") {
      return 'Invalid field definition, fields must be in the form "fieldname":"sort"';
    }
    if (!["asc", "desc"].includes(sort.toLowerCase())) {
      return `Sort must be either "asc" or "desc".  "${sort}" was found.`;
    }
  }
  return undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bad(message: string, path: string): DenimError {
  return new DenimError("bad-metadata-file", message, { path });
}
