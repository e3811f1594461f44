/** Commands of the development network; handlers load when they run. */
import type { Command } from "../command.ts";
import { networkFlags } from "./flags.ts";

export const network: readonly Command[] = [
  {
    name: "up",
    short: "Start a development network: peer, orderer and channel in one process.",
    long: "Start a development network in one process: a peer for each organisation, an " +
      "orderer, and a channel that the peers have joined. Keys, certificates and genesis are " +
      "generated on first use and kept in --dir; the commands of denim find the running network " +
      "without any settings.",
    flags: networkFlags("dir", "orgs", "channel", "runtime", "port", "detach"),
    load: async () => (await import("./up.ts")).up,
  },
  {
    name: "down",
    short: "Stop the development network; --purge also deletes its data.",
    flags: networkFlags("dir", "purge"),
    load: async () => (await import("./down.ts")).down,
  },
  {
    name: "env",
    short: "Print the environment of an organisation of the development network.",
    long: "Print export lines for an organisation of the running development network, for " +
      'scripts and for the peer command of Fabric: eval "$(denim env Org1MSP)"',
    argumentsUsage: "[MSPID]",
    flags: networkFlags("dir"),
    load: async () => (await import("./env.ts")).env,
  },
  {
    name: "enroll",
    short: "Add a member to an organisation of the development network.",
    long: "Make keys and a certificate for a new member of an organisation, with the attributes " +
      "that chaincode sees, and add it to the wallets, profiles and PEM files that applications " +
      "use. The network may be running or not.",
    argumentsUsage: "NAME",
    flags: networkFlags("org", "attr", "affiliation", "type", "dir"),
    load: async () => (await import("./enroll.ts")).enroll,
  },
  {
    name: "demo",
    short: "Run the whole story once: network up, install, instantiate, invoke, query, upgrade.",
    flags: networkFlags("runtime", "example"),
    load: async () => (await import("./demo.ts")).demo,
  },
];
