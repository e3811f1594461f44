/** The flags of the chaincode commands (peer/chaincode/chaincode.go), by name. */
import type { Flag } from "../flags.ts";

const all = {
  lang: {
    name: "lang",
    short: "l",
    kind: "string",
    default: "golang",
    help: "Language the chaincode is written in",
  },
  ctor: {
    name: "ctor",
    short: "c",
    kind: "string",
    default: "{}",
    help: "Constructor message for the chaincode in JSON format",
  },
  path: { name: "path", short: "p", kind: "string", help: "Path to chaincode" },
  name: { name: "name", short: "n", kind: "string", help: "Name of the chaincode" },
  version: {
    name: "version",
    short: "v",
    kind: "string",
    help: "Version of the chaincode specified in install/instantiate/upgrade commands",
  },
  channelID: {
    name: "channelID",
    short: "C",
    kind: "string",
    help: "The channel on which this command should be executed",
  },
  policy: {
    name: "policy",
    short: "P",
    kind: "string",
    help: "The endorsement policy associated to this chaincode",
  },
  escc: {
    name: "escc",
    short: "E",
    kind: "string",
    help: "The name of the endorsement system chaincode to be used for this chaincode",
  },
  vscc: {
    name: "vscc",
    short: "V",
    kind: "string",
    help: "The name of the verification system chaincode to be used for this chaincode",
  },
  installed: {
    name: "installed",
    kind: "boolean",
    help: "Get the installed chaincodes on a peer",
  },
  instantiated: {
    name: "instantiated",
    kind: "boolean",
    help: "Get the instantiated chaincodes on a channel",
  },
  "collections-config": {
    name: "collections-config",
    kind: "string",
    help: "The fully qualified path to the collection JSON file including the file name",
  },
  peerAddresses: {
    name: "peerAddresses",
    kind: "stringArray",
    help: "The addresses of the peers to connect to",
  },
  tlsRootCertFiles: {
    name: "tlsRootCertFiles",
    kind: "stringArray",
    help: "If TLS is enabled, the paths to the TLS root cert files of the peers to connect to. " +
      "The order and number of certs specified should match the --peerAddresses flag",
  },
  connectionProfile: {
    name: "connectionProfile",
    kind: "string",
    help: "Connection profile that provides the necessary connection information for the " +
      "network. Note: currently only supported for providing peer connection information",
  },
  waitForEvent: {
    name: "waitForEvent",
    kind: "boolean",
    help: "Whether to wait for the event from each peer's deliver filtered service signifying " +
      "that the 'invoke' transaction has been committed successfully",
  },
  waitForEventTimeout: {
    name: "waitForEventTimeout",
    kind: "duration",
    default: "30s",
    help: "Time to wait for the event from each peer's deliver filtered service signifying that " +
      "the 'invoke' transaction has been committed successfully",
  },
  inspect: {
    name: "inspect",
    kind: "boolean",
    help: "Let a debugger attach to JavaScript or Java chaincode",
  },
  "inspect-port": {
    name: "inspect-port",
    kind: "int",
    default: "9229",
    help: "Port for the debugger; further peers take the ports after it",
  },
  trace: {
    name: "trace",
    kind: "boolean",
    help: "Show on stderr what happens, launches on the peers and their output included",
  },
  all: {
    name: "all",
    short: "a",
    kind: "boolean",
    help: "Also show launches that have failed or ended",
  },
  json: { name: "json", kind: "boolean", help: "Print JSON" },
  follow: {
    name: "follow",
    short: "f",
    kind: "boolean",
    help: "Go on printing until the chaincode ends",
  },
  launch: {
    name: "launch",
    kind: "int",
    default: "0",
    help: "Number of the launch, as ps shows it",
  },
  tail: { name: "tail", kind: "int", default: "0", help: "Print only so many last lines" },
  timestamps: { name: "timestamps", kind: "boolean", help: "Print the time of each line" },
  raw: {
    name: "raw",
    short: "r",
    kind: "boolean",
    help: "If true, output the query value as raw bytes, otherwise format as a printable string",
  },
  hex: {
    name: "hex",
    short: "x",
    kind: "boolean",
    help: "If true, output the query value byte array in hexadecimal. Incompatible with --raw",
  },
  "cc-package": {
    name: "cc-package",
    short: "s",
    kind: "boolean",
    help: "create CC deployment spec for owner endorsements instead of raw CC deployment spec",
  },
  sign: {
    name: "sign",
    short: "S",
    kind: "boolean",
    help: "if creating CC deployment spec package for owner endorsements, also sign it with " +
      "local MSP",
  },
  "instantiate-policy": {
    name: "instantiate-policy",
    short: "i",
    kind: "string",
    help: "instantiation policy for the chaincode",
  },
} as const satisfies Record<string, Flag>;

export type ChaincodeFlagName = keyof typeof all;

/** The named flags, for a command's table. */
export function chaincodeFlags(...names: ChaincodeFlagName[]): Flag[] {
  return names.map((name) => all[name]);
}

/** Persistent on `chaincode`. */
export const transientFlag: Flag = {
  name: "transient",
  kind: "string",
  help: "Transient map of arguments in JSON encoding",
};
