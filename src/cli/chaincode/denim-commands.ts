/** Commands of `denim chaincode` that Fabric's `peer` does not have. */
import type { Command } from "../command.ts";
import { chaincodeFlags } from "./flags.ts";

const onePeer = ["peerAddresses", "tlsRootCertFiles", "connectionProfile"] as const;

export const denimChaincode: readonly Command[] = [
  {
    name: "deploy",
    short: "Package, install and instantiate or upgrade a directory's chaincode in one step.",
    long: "Package the chaincode of a directory, install it on every peer of the development " +
      "network (or on the peer that is configured), instantiate or upgrade it, and wait for the " +
      "commit. The name comes from package.json, go.mod or the directory; the version is the " +
      "next one. Sources that are deployed already stay as they are.",
    argumentsUsage: "[DIR]",
    flags: chaincodeFlags(
      "name",
      "version",
      "channelID",
      "ctor",
      "policy",
      "collections-config",
      ...onePeer,
      "trace",
    ),
    load: async () => (await import("./deploy-directory.ts")).deployDirectory,
  },
  {
    name: "dev",
    short: "Run a directory's chaincode and start it anew on every change; state is kept.",
    long: "Run the chaincode of a directory beside the peers, under the name and version that is " +
      "instantiated (or is instantiated now), and start it anew whenever the sources change. A " +
      "build that fails leaves the running one alone. Ctrl-C gives the chaincode back to the peers.",
    argumentsUsage: "[DIR]",
    flags: chaincodeFlags(
      "name",
      "version",
      "channelID",
      "ctor",
      "policy",
      "collections-config",
      "inspect",
      "inspect-port",
      ...onePeer,
    ),
    load: async () => (await import("./dev.ts")).dev,
  },
  {
    name: "ps",
    short: "List the chaincode that runs on a peer.",
    long: "List the chaincode that runs on a peer or is being launched; with --all also launches " +
      "that have ended, with --json every step of them.",
    argumentsUsage: "[NAME]",
    flags: chaincodeFlags("all", "json", ...onePeer),
    load: async () => (await import("./ps.ts")).ps,
  },
  {
    name: "logs",
    short: "Print the output of a chaincode and of its build.",
    long: "Print the output that a peer keeps of a launch, of the newest one unless --launch " +
      "names another: what the build and the chaincode wrote, also after it has ended.",
    argumentsUsage: "NAME[:VERSION]",
    flags: chaincodeFlags("follow", "launch", "tail", "timestamps", ...onePeer),
    load: async () => (await import("./logs.ts")).logs,
  },
  {
    name: "stop",
    short: "Stop running chaincode; it comes back on its next use.",
    argumentsUsage: "NAME[:VERSION]...",
    flags: chaincodeFlags(...onePeer),
    load: async () => (await import("./stop.ts")).stop,
  },
  {
    name: "restart",
    short: "Stop chaincode and launch it again.",
    argumentsUsage: "NAME[:VERSION]...",
    flags: chaincodeFlags(...onePeer),
    load: async () => (await import("./stop.ts")).restart,
  },
  {
    name: "prune",
    short: "Remove builds, images and kept output that no chaincode uses.",
    flags: chaincodeFlags(...onePeer),
    load: async () => (await import("./prune.ts")).prune,
  },
];
