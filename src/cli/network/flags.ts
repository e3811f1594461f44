/** The flags of the development network's commands, by name. */
import type { Flag } from "../flags.ts";

const all = {
  dir: {
    name: "dir",
    kind: "string",
    help: "Directory of the network's keys and data (default ./.denim)",
  },
  orgs: {
    name: "orgs",
    kind: "int",
    default: "1",
    help: "Number of organisations, one peer each",
  },
  channel: {
    name: "channel",
    kind: "string",
    default: "mychannel",
    help: "Name of the channel",
  },
  runtime: {
    name: "runtime",
    kind: "string",
    default: "auto",
    help: "Where chaincode runs: auto, docker or process",
  },
  port: {
    name: "port",
    kind: "int",
    default: "7050",
    help: "First port: orderer here, peers at +1, +1001, …; 0 takes free ports",
  },
  detach: {
    name: "detach",
    short: "d",
    kind: "boolean",
    help: "Return when the network is ready and leave it running",
  },
  org: {
    name: "org",
    kind: "string",
    help: "Organisation of the new member (default the first, Org1MSP)",
  },
  attr: {
    name: "attr",
    kind: "stringArray",
    help: "Attribute for the certificate, name=value; may be repeated",
  },
  affiliation: {
    name: "affiliation",
    kind: "string",
    help: "Department of the organisation, such as sales.north",
  },
  type: { name: "type", kind: "string", default: "client", help: "client or peer" },
  purge: { name: "purge", kind: "boolean", help: "Delete the network's keys and data as well" },
  example: {
    name: "example",
    kind: "string",
    help: "Directory of the chaincode to run (default the asset example in JavaScript)",
  },
} as const satisfies Record<string, Flag>;

/** The named flags, for a command's table. */
export function networkFlags(...names: (keyof typeof all)[]): Flag[] {
  return names.map((name) => all[name]);
}
