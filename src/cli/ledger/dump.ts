/** `ledger dump`: the world state of a channel. */
import { text } from "../../base/bytes.ts";
import { dumpEntry, isChaincodeState } from "../../node/state-dump.ts";
import type { CommandHandler } from "../command.ts";
import { openNamedLedger } from "./open-ledger.ts";

export const dump: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const { ledger } = await openNamedLedger(invocation);
  const entries = function* () {
    for (const entry of ledger.stateEntries()) if (isChaincodeState(entry)) yield entry;
  };
  try {
    if (flags.boolean("json")) {
      // Entry by entry: a state may be larger than memory.
      terminal.out(`{\n "channel": ${JSON.stringify(ledger.channelId)},\n "entries": [`);
      let separator = "\n";
      for (const entry of entries()) {
        terminal.out(`${separator}  ${JSON.stringify(dumpEntry(entry))}`);
        separator = ",\n";
      }
      terminal.out(`\n ],\n "savepoint": ${JSON.stringify(ledger.savepoint)}\n}\n`);
      return;
    }
    for (const entry of entries()) {
      const dumped = dumpEntry(entry);
      const key = JSON.stringify(dumped.key ?? `base64:${dumped.keyBase64}`);
      const value = dumped.valueText ?? `base64:${dumped.valueBase64}`;
      const { block, tx } = dumped.version;
      const metadata = entry.metadata ? `  metadata ${JSON.stringify(text(entry.metadata))}` : "";
      terminal.out(`${dumped.namespace}  ${key}  ${block}.${tx}  ${value}${metadata}\n`);
    }
  } finally {
    ledger.close();
  }
};
