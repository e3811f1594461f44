/**
 * lscc's view of the ledger: its namespace under the simulation of the call. Errors read as the
 * shim's, because in Fabric lscc is a chaincode that talks to its handler.
 */
import { DenimError, messageOf } from "../../base/errors.ts";
import type { KeyValue, QueryExecutor, ResultsIterator, TxSimulator } from "../../ledger/types.ts";
import type { SystemChaincodeCall } from "../types.ts";

/** lscc's namespace. */
export const lsccNamespace = "lscc";

/** What the shim asks for instead of an empty start key, to leave composite keys out. */
const firstSimpleKey = "\u0001";

const collectionSeparator = "~";

/** The key of a chaincode's collections. Mirrors privdata.BuildCollectionKVSKey. */
export function collectionKey(chaincodeName: string): string {
  return `${chaincodeName}${collectionSeparator}collection`;
}

/** Is it a key of collections rather than of a chaincode? */
export function isCollectionKey(key: string): boolean {
  return key.includes(collectionSeparator);
}

export class LsccState {
  readonly #call: SystemChaincodeCall;

  constructor(call: SystemChaincodeCall) {
    this.#call = call;
  }

  /** @throws DenimError `state-failed` */
  get(key: string): Uint8Array | undefined {
    return this.#attempt("GET_STATE", (executor) => executor.getState(lsccNamespace, key));
  }

  /** @throws DenimError `state-failed` */
  put(key: string, value: Uint8Array): void {
    if (key === "") throw new DenimError("state-failed", "key must not be an empty string");
    this.#attempt("PUT_STATE", (executor) => {
      if (!isSimulator(executor)) throw new DenimError("state-failed", "no ledger context");
      executor.setState(lsccNamespace, key, value);
    });
  }

  /** All entries in order of their keys, read to the end. @throws DenimError `state-failed` */
  all(): KeyValue[] {
    return this.#attempt("GET_STATE_BY_RANGE", (executor) => {
      const entries = executor.getStateRange(lsccNamespace, firstSimpleKey, "");
      try {
        return [...drain(entries)];
      } finally {
        entries.close();
      }
    });
  }

  #attempt<T>(operation: string, run: (executor: TxSimulator | QueryExecutor) => T): T {
    try {
      const { simulator } = this.#call;
      if (simulator === undefined) throw new DenimError("state-failed", "no ledger context");
      return run(simulator);
    } catch (error) {
      throw new DenimError(
        "state-failed",
        `${operation} failed: transaction ID: ${this.#call.txId}: ${messageOf(error)}`,
        { operation },
        undefined,
        { cause: error },
      );
    }
  }
}

function* drain(entries: ResultsIterator<KeyValue>): Generator<KeyValue> {
  for (let entry = entries.next(); entry !== undefined; entry = entries.next()) yield entry;
}

function isSimulator(executor: TxSimulator | QueryExecutor): executor is TxSimulator {
  return "setState" in executor;
}
