/** `chaincode`: names, flags and help texts; handlers load when they run. */
import type { Command } from "../command.ts";
import { ordererFlags } from "../orderer-flags.ts";
import { chaincodeFlags, transientFlag } from "./flags.ts";

const onePeer = ["peerAddresses", "tlsRootCertFiles", "connectionProfile"] as const;

/** The commands of Fabric's `peer chaincode`. */
export const chaincode: Command = {
  name: "chaincode",
  short: "Operate a chaincode: install|instantiate|invoke|package|query|signpackage|upgrade|list.",
  sharedFlags: [...ordererFlags, transientFlag],
  subcommands: [
    {
      name: "install",
      short:
        "Package the specified chaincode into a deployment spec and save it on the peer's path.",
      flags: chaincodeFlags("lang", "ctor", "path", "name", "version", ...onePeer),
      load: async () => (await import("./install.ts")).install,
    },
    {
      name: "instantiate",
      short: "Deploy the specified chaincode to the network.",
      flags: chaincodeFlags(
        "lang",
        "ctor",
        "name",
        "channelID",
        "version",
        "policy",
        "escc",
        "vscc",
        "collections-config",
        ...onePeer,
        "trace",
      ),
      load: async () => (await import("./deploy.ts")).instantiate,
    },
    {
      name: "invoke",
      short: "Invoke the specified chaincode.",
      long: "Invoke the specified chaincode. It will try to commit the endorsed transaction to " +
        "the network.",
      flags: chaincodeFlags(
        "name",
        "ctor",
        "channelID",
        ...onePeer,
        "waitForEvent",
        "waitForEventTimeout",
        "trace",
      ),
      load: async () => (await import("./invoke.ts")).invoke,
    },
    {
      name: "list",
      short: "Get the instantiated chaincodes on a channel or installed chaincodes on a peer.",
      long: "Get the instantiated chaincodes in the channel if specify channel, or get installed " +
        "chaincodes on the peer",
      flags: chaincodeFlags("channelID", "installed", "instantiated", ...onePeer),
      load: async () => (await import("./list.ts")).list,
    },
    {
      name: "package",
      short: "Package the specified chaincode into a deployment spec.",
      argumentsUsage: "[outputfile]",
      flags: chaincodeFlags(
        "lang",
        "ctor",
        "path",
        "name",
        "version",
        "cc-package",
        "sign",
        "instantiate-policy",
      ),
      load: async () => (await import("./package.ts")).packageChaincode,
    },
    {
      name: "query",
      short: "Query using the specified chaincode.",
      long: "Get endorsed result of chaincode function call and print it. It won't generate " +
        "transaction.",
      flags: chaincodeFlags("ctor", "name", "channelID", ...onePeer, "raw", "hex"),
      load: async () => (await import("./query.ts")).query,
    },
    {
      name: "signpackage",
      short: "Sign the specified chaincode package",
      load: async () => (await import("./signpackage.ts")).signPackage,
    },
    {
      name: "upgrade",
      short: "Upgrade chaincode.",
      long: "Upgrade an existing chaincode with the specified one. The new chaincode will " +
        "immediately replace the existing chaincode upon the transaction committed.",
      flags: chaincodeFlags(
        "lang",
        "ctor",
        "path",
        "name",
        "channelID",
        "version",
        "policy",
        "escc",
        "vscc",
        ...onePeer,
        "collections-config",
        "trace",
      ),
      load: async () => (await import("./deploy.ts")).upgrade,
    },
  ],
};
