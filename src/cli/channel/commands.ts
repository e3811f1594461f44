/** `channel`: names, flags and help texts; handlers load when they run. */
import type { Command } from "../command.ts";
import { ordererFlags } from "../orderer-flags.ts";
import { channelFlags } from "./flags.ts";

export const channel: Command = {
  name: "channel",
  short: "Operate a channel: create|fetch|join|list|update|signconfigtx|getinfo.",
  sharedFlags: ordererFlags,
  subcommands: [
    {
      name: "create",
      short: "Create a channel",
      long: "Create a channel and write the genesis block to a file.",
      flags: channelFlags("channelID", "file", "outputBlock", "timeout"),
      load: async () => (await import("./create.ts")).create,
    },
    {
      name: "fetch",
      short: "Fetch a block",
      long: "Fetch a specified block, writing it to a file.",
      argumentsUsage: "<newest|oldest|config|(number)> [outputfile]",
      flags: channelFlags("channelID", "bestEffort"),
      load: async () => (await import("./fetch.ts")).fetch,
    },
    {
      name: "getinfo",
      short: "get blockchain information of a specified channel.",
      long: "get blockchain information of a specified channel. Requires '-c'.",
      flags: channelFlags("channelID"),
      load: async () => (await import("./getinfo.ts")).getInfo,
    },
    {
      name: "join",
      short: "Joins the peer to a channel.",
      flags: channelFlags("blockpath"),
      load: async () => (await import("./join.ts")).join,
    },
    {
      name: "list",
      short: "List of channels peer has joined.",
      load: async () => (await import("./list.ts")).list,
    },
    {
      name: "signconfigtx",
      short: "Signs a configtx update.",
      long: "Signs the supplied configtx update file in place on the filesystem. Requires '-f'.",
      flags: channelFlags("file"),
      load: async () => (await import("./signconfigtx.ts")).signConfigTx,
    },
    {
      name: "update",
      short: "Send a configtx update.",
      long: "Signs and sends the supplied configtx update file to the channel. Requires '-f', " +
        "'-o', '-c'.",
      flags: channelFlags("channelID", "file"),
      load: async () => (await import("./update.ts")).update,
    },
  ],
};
