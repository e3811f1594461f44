/** The flags of the ledger commands, by name. */
import type { Flag } from "../flags.ts";

const all = {
  mspid: {
    name: "mspid",
    kind: "string",
    help: "Organisation whose peer made the recording (decides which private data is its own)",
  },
  json: { name: "json", kind: "boolean", help: "Print JSON" },
  channelID: { name: "channelID", short: "C", kind: "string", help: "The channel" },
  data: {
    name: "data",
    kind: "string",
    help: "The peer's data directory (default peer.fileSystemPath, else the development network's)",
  },
} as const satisfies Record<string, Flag>;

/** The named flags, for a command's table. */
export function ledgerFlags(...names: (keyof typeof all)[]): Flag[] {
  return names.map((name) => all[name]);
}
