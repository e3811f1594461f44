/** Errors as CouchDB's query server gives them and statecouchdb passes them on. */
import { Buffer } from "node:buffer";
import { DenimError } from "../../base/errors.ts";
import { fieldNames, type JsonValue } from "./json.ts";

/** @param error and reason as in CouchDB's answer; the text is that of couchdb.go handleRequest */
export function couchError(error: string, reason: string, status = 400, hint?: string): DenimError {
  return new DenimError(
    "bad-rich-query",
    `error handling CouchDB request. Error:${error},  Status Code:${status},  Reason:${reason}`,
    { error, reason, status },
    hint,
  );
}

/** A value as Erlang's ~w prints it: strings are their bytes. */
export function erlangText(value: JsonValue): string {
  if (typeof value === "string") return `<<${[...Buffer.from(value, "utf8")].join(",")}>>`;
  if (Array.isArray(value)) return `[${value.map(erlangText).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = fieldNames(value).map((n) => `{${erlangText(n)},${erlangText(value[n])}}`);
    return `{[${fields.join(",")}]}`;
  }
  return String(value);
}

export function badArgument(operator: string, argument: JsonValue, hint?: string): DenimError {
  const reason = `Bad argument for operator ${operator}: ${erlangText(argument)}`;
  return couchError("bad_arg", reason, 400, hint);
}
