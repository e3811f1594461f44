/**
 * Which keys and values a state database accepts. Transactions that break its rule are
 * INVALID_WRITESET, so all peers of a channel must use the same one. Mirrors ValidateKeyValue of
 * stateleveldb and statecouchdb.
 */
import { DenimError, messageOf } from "../base/errors.ts";
import { parseDocument } from "./mango/json.ts";

/** Names as in core.yaml `ledger.state.stateDatabase`. */
export type StateDatabaseKind = "goleveldb" | "CouchDB";

/** @throws DenimError `invalid-key-value` with Fabric's text */
export type KeyValueCheck = (key: string, value: Uint8Array | undefined) => void;

const couchVersionField = "~version";

function refuse(message: string, key: string): DenimError {
  return new DenimError("invalid-key-value", message, { key });
}

function checkCouchValue(key: string, value: Uint8Array | undefined): void {
  const fields = value && parseDocument(value);
  for (const field of Object.keys(fields ?? {})) {
    if (field.startsWith("_") || field === couchVersionField) {
      throw refuse(`field [${field}] is not valid for the CouchDB state database`, key);
    }
  }
}

const checks: Record<StateDatabaseKind, KeyValueCheck> = {
  goleveldb: () => {},
  CouchDB: (key, value) => {
    if (!key.isWellFormed()) throw refuse(`invalid key [${key}], must be a UTF-8 string`, key);
    if (key.startsWith("_")) throw refuse(`invalid key [${key}], cannot begin with "_"`, key);
    if (key === "") {
      throw refuse("invalid key. Empty string is not supported as a key by couchdb", key);
    }
    checkCouchValue(key, value);
  },
};

export function keyValueCheck(kind: StateDatabaseKind): KeyValueCheck {
  return checks[kind];
}

/** Whether the check accepts the pair. */
export function accepts(check: KeyValueCheck, key: string, value: Uint8Array | undefined): boolean {
  try {
    check(key, value);
    return true;
  } catch (thrown) {
    if (thrown instanceof DenimError && thrown.code === "invalid-key-value") return false;
    throw new DenimError("invalid-key-value", messageOf(thrown), { key }, undefined, {
      cause: thrown,
    });
  }
}
