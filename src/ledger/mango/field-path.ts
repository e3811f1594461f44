/** Field names with dots, and walking along them. Mirrors mango_util:parse_field and mango_doc. */
import { couchError } from "./errors.ts";
import { fieldOf, isObject, type JsonObject, type JsonValue, setField } from "./json.ts";

/** Parts of `a.b\.c`: "a" and "b.c". @throws DenimError `bad-rich-query` for an empty part */
export function parseField(field: string): string[] {
  const parts = field.includes("\\") ? field.split(/(?<!\\)\./) : field.split(".");
  if (parts.includes("")) throw couchError("invalid_field_name", `Invalid field name: ${field}`);
  return parts.map((part) => part.replaceAll("\\", ""));
}

/** Where a path ends: a value, nothing, or a place that has no fields. */
export type Found = { readonly value: JsonValue } | "not_found" | "bad_path";

const wholeNumber = /^[+-]?\d+$/;

export function getField(from: JsonValue, path: readonly string[]): Found {
  let value = from;
  for (const name of path) {
    if (Array.isArray(value)) {
      const index = wholeNumber.test(name) ? Number(name) : -1;
      if (index < 0 || index >= value.length) return "bad_path";
      value = value[index];
    } else if (isObject(value)) {
      const field = fieldOf(value, name);
      if (field === undefined) return "not_found";
      value = field;
    } else return "bad_path";
  }
  return { value };
}

/** Puts a value at a path, making objects on the way; what is no object there stays as it is. */
export function putField(into: JsonObject, path: readonly string[], value: JsonValue): void {
  let object = into;
  for (const name of path.slice(0, -1)) {
    let next = fieldOf(object, name);
    if (next === undefined) {
      next = {};
      setField(object, name, next);
    }
    if (!isObject(next)) return;
    object = next;
  }
  setField(object, path[path.length - 1], value);
}
