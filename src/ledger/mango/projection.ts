/** The value of a result. Mirrors mango_fields:extract and couchDocToKeyValue of couchdoc_conv.go. */
import { utf8 } from "../../base/bytes.ts";
import { getField, putField } from "./field-path.ts";
import { canonicalJson, type JsonObject } from "./json.ts";

/** What CouchDB and statecouchdb add to a document, and take away again. */
const reserved = ["_id", "_rev", "~version"];

/** Bytes of the fields that a query asks for. */
export function project(document: JsonObject, fields: readonly (readonly string[])[]): Uint8Array {
  const result: JsonObject = {};
  for (const path of fields) {
    const found = getField(document, path);
    if (typeof found !== "string") putField(result, path, found.value);
  }
  for (const name of reserved) delete result[name];
  return utf8(canonicalJson(result));
}
