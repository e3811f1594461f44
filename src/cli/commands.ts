/** The command tree. */
import { chaincode } from "./chaincode/commands.ts";
import { denimChaincode } from "./chaincode/denim-commands.ts";
import { channel } from "./channel/commands.ts";
import type { Command } from "./command.ts";
import { ledger } from "./ledger/commands.ts";
import { logging } from "./logging/commands.ts";
import { network } from "./network/commands.ts";
import { node } from "./node/commands.ts";

/** The root. As `peer` it shows only what Fabric's has. */
export function rootCommand(program: string): Command {
  const asPeer = program === "peer";
  return {
    name: program,
    short: asPeer
      ? "A Fabric peer"
      : "A Hyperledger Fabric 1.4 peer, client and development network in one program.",
    sharedFlags: [{
      name: "logging-level",
      kind: "string",
      help: "Legacy logging level flag",
      hidden: true,
    }],
    subcommands: [
      {
        ...chaincode,
        subcommands: [
          ...(chaincode.subcommands ?? []).map((command) => ({
            ...command,
            flags: command.flags?.map((flag) =>
              flag.name === "trace" ? { ...flag, hidden: asPeer } : flag
            ),
          })),
          ...denimChaincode.map((command) => ({ ...command, hidden: asPeer })),
        ],
      },
      channel,
      logging,
      node,
      {
        name: "version",
        short: asPeer ? "Print fabric peer version." : "Print the version of denim.",
        load: async () => (await import("./version.ts")).version,
      },
      ...[ledger, ...network].map((command) => ({ ...command, hidden: asPeer })),
    ],
  };
}
