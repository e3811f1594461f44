/** Index definitions as chaincode packages bring them. Mirrors mango_idx and mango_idx_view. */
import { createHash } from "node:crypto";
import { DenimError } from "../../base/errors.ts";
import { type Found, getField, parseField } from "./field-path.ts";
import { canonicalJson, isObject, type JsonObject, type JsonValue, parseDocument } from "./json.ts";
import { matches } from "./match.ts";
import { readSort } from "./query-options.ts";
import { normalize, type Selector } from "./selector.ts";

export interface IndexDefinition {
  /** With its prefix `_design/`. */
  readonly designDocument: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly paths: readonly (readonly string[])[];
  /** Documents outside of it are not in the index; queries must name such an index to use it. */
  readonly partialFilter: Selector | undefined;
  /** The definition as JSON, for keeping. */
  readonly source: string;
}

function bad(reason: string): DenimError {
  return new DenimError("bad-index-definition", reason);
}

function nameOf(value: JsonValue | undefined, automatic: string): string {
  if (value === undefined) return automatic;
  if (typeof value !== "string") throw bad("names must be strings");
  return value;
}

/** @throws DenimError `bad-index-definition`, `bad-rich-query` */
export function parseIndexDefinition(file: Uint8Array): IndexDefinition {
  const document = parseDocument(file);
  if (document === undefined || !isObject(document.index)) throw bad("JSON format is not valid");
  const { index, type } = document;
  if (type !== undefined && type !== "json") {
    throw bad(`Invalid type for index: ${canonicalJson(type)}`);
  }
  const { names: columns } = readSort(index.fields ?? null);
  const filter = index.partial_filter_selector;
  // CouchDB hashes its own encoding; only ties between unnamed indexes can tell.
  const source = canonicalJson(document);
  const automatic = createHash("sha1").update(source).digest("hex");
  const designName = nameOf(document.ddoc, automatic);
  return {
    designDocument: designName.startsWith("_design/") ? designName : `_design/${designName}`,
    name: nameOf(document.name, automatic),
    columns,
    paths: columns.map(parseField),
    partialFilter: filter === undefined || isObject(filter) && Object.keys(filter).length === 0
      ? undefined
      : normalize(filter),
    source,
  };
}

/** A filter that fails on a document must not stop the block that brings it. */
function passes(filter: Selector, document: JsonObject): boolean {
  try {
    return matches(filter, document);
  } catch (thrown) {
    if (thrown instanceof DenimError && thrown.code === "bad-rich-query") return false;
    throw thrown;
  }
}

/** The document's values in the index, or undefined where it has no place there. */
export function indexValues(
  { partialFilter, paths }: Pick<IndexDefinition, "partialFilter" | "paths">,
  document: JsonObject,
): JsonValue[] | undefined {
  if (partialFilter && !passes(partialFilter, document)) return undefined;
  const values: JsonValue[] = [];
  for (const path of paths) {
    const found: Found = getField(document, path);
    if (found === "not_found" || found === "bad_path") return undefined;
    values.push(found.value);
  }
  return values;
}
