/** `ledger`: names, flags and help texts; handlers load when they run. */
import type { Command } from "../command.ts";
import { ledgerFlags } from "./flags.ts";

export const ledger: Command = {
  name: "ledger",
  short: "Look into ledgers: replay|dump|verify.",
  subcommands: [
    {
      name: "replay",
      short: "Commit recorded blocks into a temporary ledger and compare the outcome.",
      long: "Commit the blocks of a folder (artifacts/<channel>.block, blocks/NNNN.block, " +
        "optionally pvtdata.json) into a temporary ledger and print each block's commit hash and " +
        "each transaction's flag. With validation.json and state.json in the folder, compare; " +
        "exit code 1 where something differs.",
      argumentsUsage: "DIR --mspid MSPID",
      flags: ledgerFlags("mspid", "json"),
      load: async () => (await import("./replay.ts")).replay,
    },
    {
      name: "dump",
      short: "Print the world state of a channel of a stopped or running peer.",
      flags: ledgerFlags("channelID", "data", "json"),
      load: async () => (await import("./dump.ts")).dump,
    },
    {
      name: "verify",
      short: "Check the chain, hashes and signatures of a channel's blocks.",
      flags: ledgerFlags("channelID", "data"),
      load: async () => (await import("./verify.ts")).verify,
    },
  ],
};
