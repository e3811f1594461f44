import assert from "node:assert/strict";
import type { Command } from "./command.ts";
import { rootCommand } from "./commands.ts";
import type { Flag } from "./flags.ts";
import { commandPath, flagUsages, usageOf } from "./usage.ts";

const load = () => Promise.resolve(() => Promise.resolve());

const leaf: Command = {
  name: "invoke",
  short: "Invoke it.",
  argumentsUsage: "[file]",
  flags: [{ name: "name", short: "n", kind: "string", help: "Its name" }],
  load,
};
const group: Command = {
  name: "chaincode",
  short: "Chaincode.",
  sharedFlags: [{ name: "tls", kind: "boolean", help: "Use TLS" }],
  subcommands: [leaf, { name: "secret", short: "Nobody sees it.", hidden: true, load }],
};
const root: Command = {
  name: "peer",
  short: "A peer",
  sharedFlags: [{ name: "logging-level", kind: "string", help: "Old", hidden: true }],
  subcommands: [group],
};

Deno.test("flags stand sorted in one column with their kinds and defaults, as pflag has them", () => {
  const flags: Flag[] = [
    { name: "waitFor", kind: "duration", default: "30s", help: "Time to wait" },
    { name: "ctor", short: "c", kind: "string", default: "{}", help: "Constructor" },
    { name: "hex", short: "x", kind: "boolean", help: "As hex" },
    { name: "orgs", kind: "int", default: "1", help: "How many" },
    { name: "port", kind: "int", default: "0", help: "Zero is no default" },
    { name: "peerAddresses", kind: "stringArray", help: "Addresses" },
    { name: "old", kind: "string", help: "Not shown", hidden: true },
  ];
  assert.equal(
    flagUsages(flags),
    `\
  -c, --ctor string                 Constructor (default "{}")
  -x, --hex                         As hex
      --orgs int                    How many (default 1)
      --peerAddresses stringArray   Addresses
      --port int                    Zero is no default
      --waitFor duration            Time to wait (default 30s)
`,
  );
  assert.equal(flagUsages([]), "");
});

Deno.test("a command's usage has its path, its own flags and those it inherits", () => {
  assert.equal(commandPath("peer", [root, group], leaf), "peer chaincode invoke");
  assert.equal(
    usageOf("peer", [root, group], leaf),
    `Usage:
  peer chaincode invoke [file] [flags]

Flags:
  -h, --help          help for invoke
  -n, --name string   Its name

Global Flags:
      --tls   Use TLS
`,
  );
});

Deno.test("a group's usage lists the commands that are not hidden", () => {
  assert.equal(
    usageOf("peer", [root], group),
    `Usage:
  peer chaincode [command]

Available Commands:
  invoke      Invoke it.

Flags:
  -h, --help   help for chaincode
      --tls    Use TLS

Use "peer chaincode [command] --help" for more information about a command.
`,
  );
});

Deno.test("every command says what it is for, and no flag or name is declared twice", () => {
  const visit = (command: Command, inherited: readonly Flag[], path: string) => {
    assert.ok(command.short !== "", path);
    assert.ok((command.load === undefined) !== (command.subcommands === undefined), path);
    const flags = [...inherited, ...(command.flags ?? []), ...(command.sharedFlags ?? [])];
    const names = flags.map((flag) => flag.name);
    const shorts = flags.flatMap((flag) => flag.short ?? []);
    assert.deepEqual(names, [...new Set(names)], path);
    assert.deepEqual(shorts, [...new Set(shorts)], path);
    for (const flag of flags) assert.ok(flag.help !== "" && flag.name !== "help", path);
    const subcommands = command.subcommands ?? [];
    const subnames = subcommands.map((sub) => sub.name);
    assert.deepEqual(subnames, [...new Set(subnames)], path);
    const shared = [...inherited, ...(command.sharedFlags ?? [])];
    for (const sub of subcommands) visit(sub, shared, `${path} ${sub.name}`);
  };
  for (const program of ["denim", "peer"]) visit(rootCommand(program), [], program);
});
