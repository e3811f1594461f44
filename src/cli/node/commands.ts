/** `node`: names, flags and help texts; handlers load when they run. */
import type { Command } from "../command.ts";

export const node: Command = {
  name: "node",
  short: "Operate a peer node: start|status|reset|rollback.",
  subcommands: [
    {
      name: "reset",
      short: "Resets the node.",
      long: "Resets all channels to the genesis block. The peer must be offline. When it starts " +
        "again it gets the blocks from an orderer and makes its state anew; until it is as far " +
        "as it was, it endorses nothing.",
      load: async () => (await import("./reset.ts")).reset,
    },
    {
      name: "rollback",
      short: "Rolls back a channel.",
      long: "Rolls back a channel to a specified block number. The peer must be offline. When it " +
        "starts again it gets the removed blocks from an orderer; until it is as far as it was, " +
        "it endorses nothing.",
      flags: [
        {
          name: "channelID",
          short: "c",
          kind: "string",
          help: "Channel to rollback.",
        },
        {
          name: "blockNumber",
          short: "b",
          kind: "uint",
          default: "0",
          help: "Block number to which the channel needs to be rolled back to.",
        },
      ],
      load: async () => (await import("./rollback.ts")).rollback,
    },
    {
      name: "start",
      short: "Starts the node.",
      long: "Starts a node that interacts with the network.",
      flags: [{
        name: "peer-chaincodedev",
        kind: "boolean",
        help: "Whether peer in chaincode development mode",
      }],
      load: async () => (await import("./start.ts")).start,
    },
    {
      name: "status",
      short: "Returns status of the node.",
      long: "Returns the status of the running node.",
      load: async () => (await import("./status.ts")).status,
    },
    {
      name: "rebuild-dbs",
      short: "Rebuilds databases.",
      long: "Makes state, history and indexes of all channels anew from the blocks that the peer " +
        "has. The peer must be offline. For when 'denim ledger verify' finds them damaged.",
      load: async () => (await import("./rebuild-dbs.ts")).rebuildDatabases,
    },
  ],
};
