/** The command tree: every name, flag and help text; handlers load when they run. */
import { channelFlags } from "./channel/flags.ts";
import { chaincodeFlags, transientFlag } from "./chaincode/flags.ts";
import type { Command } from "./command.ts";
import { ledgerFlags } from "./ledger/flags.ts";
import { logging } from "./logging/commands.ts";
import { networkFlags } from "./network/flags.ts";
import { ordererFlags } from "./orderer-flags.ts";

const onePeer = ["peerAddresses", "tlsRootCertFiles", "connectionProfile"] as const;

const chaincode: Command = {
  name: "chaincode",
  short: "Operate a chaincode: install|instantiate|invoke|package|query|signpackage|upgrade|list.",
  sharedFlags: [...ordererFlags, transientFlag],
  subcommands: [
    {
      name: "install",
      short:
        "Package the specified chaincode into a deployment spec and save it on the peer's path.",
      flags: chaincodeFlags("lang", "ctor", "path", "name", "version", ...onePeer),
      load: async () => (await import("./chaincode/install.ts")).install,
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
      load: async () => (await import("./chaincode/deploy.ts")).instantiate,
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
      load: async () => (await import("./chaincode/invoke.ts")).invoke,
    },
    {
      name: "list",
      short: "Get the instantiated chaincodes on a channel or installed chaincodes on a peer.",
      long: "Get the instantiated chaincodes in the channel if specify channel, or get installed " +
        "chaincodes on the peer",
      flags: chaincodeFlags("channelID", "installed", "instantiated", ...onePeer),
      load: async () => (await import("./chaincode/list.ts")).list,
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
      load: async () => (await import("./chaincode/package.ts")).packageChaincode,
    },
    {
      name: "query",
      short: "Query using the specified chaincode.",
      long: "Get endorsed result of chaincode function call and print it. It won't generate " +
        "transaction.",
      flags: chaincodeFlags("ctor", "name", "channelID", ...onePeer, "raw", "hex"),
      load: async () => (await import("./chaincode/query.ts")).query,
    },
    {
      name: "signpackage",
      short: "Sign the specified chaincode package",
      load: async () => (await import("./chaincode/signpackage.ts")).signPackage,
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
      load: async () => (await import("./chaincode/deploy.ts")).upgrade,
    },
  ],
};

const channel: Command = {
  name: "channel",
  short: "Operate a channel: create|fetch|join|list|update|signconfigtx|getinfo.",
  sharedFlags: ordererFlags,
  subcommands: [
    {
      name: "create",
      short: "Create a channel",
      long: "Create a channel and write the genesis block to a file.",
      flags: channelFlags("channelID", "file", "outputBlock", "timeout"),
      load: async () => (await import("./channel/create.ts")).create,
    },
    {
      name: "fetch",
      short: "Fetch a block",
      long: "Fetch a specified block, writing it to a file.",
      argumentsUsage: "<newest|oldest|config|(number)> [outputfile]",
      flags: channelFlags("channelID", "bestEffort"),
      load: async () => (await import("./channel/fetch.ts")).fetch,
    },
    {
      name: "getinfo",
      short: "get blockchain information of a specified channel.",
      long: "get blockchain information of a specified channel. Requires '-c'.",
      flags: channelFlags("channelID"),
      load: async () => (await import("./channel/getinfo.ts")).getInfo,
    },
    {
      name: "join",
      short: "Joins the peer to a channel.",
      flags: channelFlags("blockpath"),
      load: async () => (await import("./channel/join.ts")).join,
    },
    {
      name: "list",
      short: "List of channels peer has joined.",
      load: async () => (await import("./channel/list.ts")).list,
    },
    {
      name: "signconfigtx",
      short: "Signs a configtx update.",
      long: "Signs the supplied configtx update file in place on the filesystem. Requires '-f'.",
      flags: channelFlags("file"),
      load: async () => (await import("./channel/signconfigtx.ts")).signConfigTx,
    },
    {
      name: "update",
      short: "Send a configtx update.",
      long: "Signs and sends the supplied configtx update file to the channel. Requires '-f', " +
        "'-o', '-c'.",
      flags: channelFlags("channelID", "file"),
      load: async () => (await import("./channel/update.ts")).update,
    },
  ],
};

const node: Command = {
  name: "node",
  short: "Operate a peer node: start|status|reset|rollback.",
  subcommands: [
    {
      name: "start",
      short: "Starts the node.",
      long: "Starts a node that interacts with the network.",
      flags: [{
        name: "peer-chaincodedev",
        kind: "boolean",
        help: "Whether peer in chaincode development mode",
      }],
      load: async () => (await import("./node/start.ts")).start,
    },
    {
      name: "status",
      short: "Returns status of the node.",
      long: "Returns the status of the running node.",
      load: async () => (await import("./node/status.ts")).status,
    },
    {
      name: "reset",
      short: "Resets the node.",
      long: "Resets all channels to the genesis block. The peer must be offline. When it starts " +
        "again it gets the blocks from an orderer and makes its state anew; until it is as far " +
        "as it was, it endorses nothing.",
      load: async () => (await import("./node/reset.ts")).reset,
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
          kind: "int",
          default: "0",
          help: "Block number to which the channel needs to be rolled back to.",
        },
      ],
      load: async () => (await import("./node/rollback.ts")).rollback,
    },
    {
      name: "rebuild-dbs",
      short: "Rebuilds databases.",
      long: "Makes state, history and indexes of all channels anew from the blocks that the peer " +
        "has. The peer must be offline. For when 'denim ledger verify' finds them damaged.",
      load: async () => (await import("./node/rebuild-dbs.ts")).rebuildDatabases,
    },
  ],
};

const ledger: Command = {
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
      load: async () => (await import("./ledger/replay.ts")).replay,
    },
    {
      name: "dump",
      short: "Print the world state of a channel of a stopped or running peer.",
      flags: ledgerFlags("channelID", "data", "json"),
      load: async () => (await import("./ledger/dump.ts")).dump,
    },
    {
      name: "verify",
      short: "Check the chain, hashes and signatures of a channel's blocks.",
      flags: ledgerFlags("channelID", "data"),
      load: async () => (await import("./ledger/verify.ts")).verify,
    },
  ],
};

/** Commands of `denim chaincode` that Fabric's `peer` does not have. */
const denimChaincode: readonly Command[] = [
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
    load: async () => (await import("./chaincode/deploy-directory.ts")).deployDirectory,
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
    load: async () => (await import("./chaincode/dev.ts")).dev,
  },
  {
    name: "ps",
    short: "List the chaincode that runs on a peer.",
    long: "List the chaincode that runs on a peer or is being launched; with --all also launches " +
      "that have ended, with --json every step of them.",
    argumentsUsage: "[NAME]",
    flags: chaincodeFlags("all", "json", ...onePeer),
    load: async () => (await import("./chaincode/ps.ts")).ps,
  },
  {
    name: "logs",
    short: "Print the output of a chaincode and of its build.",
    long: "Print the output that a peer keeps of a launch, of the newest one unless --launch " +
      "names another: what the build and the chaincode wrote, also after it has ended.",
    argumentsUsage: "NAME[:VERSION]",
    flags: chaincodeFlags("follow", "launch", "tail", "timestamps", ...onePeer),
    load: async () => (await import("./chaincode/logs.ts")).logs,
  },
  {
    name: "stop",
    short: "Stop running chaincode; it comes back on its next use.",
    argumentsUsage: "NAME[:VERSION]...",
    flags: chaincodeFlags(...onePeer),
    load: async () => (await import("./chaincode/stop.ts")).stop,
  },
  {
    name: "restart",
    short: "Stop chaincode and launch it again.",
    argumentsUsage: "NAME[:VERSION]...",
    flags: chaincodeFlags(...onePeer),
    load: async () => (await import("./chaincode/stop.ts")).restart,
  },
  {
    name: "prune",
    short: "Remove builds, images and kept output that no chaincode uses.",
    flags: chaincodeFlags(...onePeer),
    load: async () => (await import("./chaincode/prune.ts")).prune,
  },
];

/** Commands of `denim` that Fabric's `peer` does not have. */
const denimOnly: readonly Command[] = [
  ledger,
  {
    name: "up",
    short: "Start a development network: peer, orderer and channel in one process.",
    long: "Start a development network in one process: a peer for each organisation, an " +
      "orderer, and a channel that the peers have joined. Keys, certificates and genesis are " +
      "generated on first use and kept in --dir; the commands of denim find the running network " +
      "without any settings.",
    flags: networkFlags("dir", "orgs", "channel", "runtime", "port", "detach"),
    load: async () => (await import("./network/up.ts")).up,
  },
  {
    name: "down",
    short: "Stop the development network; --purge also deletes its data.",
    flags: networkFlags("dir", "purge"),
    load: async () => (await import("./network/down.ts")).down,
  },
  {
    name: "env",
    short: "Print the environment of an organisation of the development network.",
    long: "Print export lines for an organisation of the running development network, for " +
      'scripts and for the peer command of Fabric: eval "$(denim env Org1MSP)"',
    argumentsUsage: "[MSPID]",
    flags: networkFlags("dir"),
    load: async () => (await import("./network/env.ts")).env,
  },
  {
    name: "enroll",
    short: "Add a member to an organisation of the development network.",
    long: "Make keys and a certificate for a new member of an organisation, with the attributes " +
      "that chaincode sees, and add it to the wallets, profiles and PEM files that applications " +
      "use. The network may be running or not.",
    argumentsUsage: "NAME",
    flags: networkFlags("org", "attr", "affiliation", "type", "dir"),
    load: async () => (await import("./network/enroll.ts")).enroll,
  },
  {
    name: "demo",
    short: "Run the whole story once: network up, install, instantiate, invoke, query, upgrade.",
    flags: networkFlags("runtime", "example"),
    load: async () => (await import("./network/demo.ts")).demo,
  },
];

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
      ...denimOnly.map((command) => ({ ...command, hidden: asPeer })),
    ],
  };
}
