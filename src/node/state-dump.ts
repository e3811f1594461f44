/** World state as JSON values, in the form of a recording's `state.json`. */
import { base64, strictText } from "../base/bytes.ts";
import type { StateEntry } from "../ledger/types.ts";

export interface DumpedEntry {
  readonly namespace: string;
  readonly key?: string;
  readonly keyBase64: string;
  readonly valueBase64: string;
  readonly valueText?: string;
  readonly metadataBase64?: string;
  readonly version: { readonly block: number; readonly tx: number };
}

/** Everything but the nameless namespace, where a peer keeps the channel's configuration. */
export function isChaincodeState({ namespace }: StateEntry): boolean {
  return namespace !== "";
}

/** Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the plain space. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;

/** Keys and values are shown as text too where they are: keys in UTF-8, values printable. */
export function dumpEntry(entry: StateEntry): DumpedEntry {
  const key = entry.key.length > 0 ? strictText(entry.key) : undefined;
  const value = strictText(entry.value);
  return {
    namespace: entry.namespace,
    ...(key === undefined ? {} : { key }),
    keyBase64: base64(entry.key),
    valueBase64: base64(entry.value),
    ...(value !== undefined && printable.test(value) ? { valueText: value } : {}),
    ...(entry.metadata === undefined ? {} : { metadataBase64: base64(entry.metadata) }),
    version: { block: entry.version.blockNumber, tx: entry.version.txNumber },
  };
}
