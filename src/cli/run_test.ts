import assert from "node:assert/strict";
import { DenimError } from "../base/errors.ts";
import type { Command } from "./command.ts";
import { rootCommand } from "./commands.ts";
import { runCommandLine } from "./run.ts";
import type { Terminal } from "./terminal.ts";

function fakeTerminal() {
  const printed = { out: "", err: "" };
  const terminal: Terminal = {
    out: (text) => void (printed.out += text),
    outBytes: (bytes) => void (printed.out += new TextDecoder().decode(bytes)),
    err: (text) => void (printed.err += text),
    isTerminal: false,
    environment: {},
    workingDirectory: "/nonexistent",
    interrupted: new AbortController().signal,
    onInterruption: () => new AbortController().signal,
  };
  return { terminal, printed };
}

async function run(root: Command, program: string, ...argv: string[]) {
  const { terminal, printed } = fakeTerminal();
  const code = await runCommandLine(root, program, argv, terminal);
  return { code, ...printed };
}

Deno.test("every command of Fabric's peer has a usage text with its flags", async () => {
  const invoke = await run(rootCommand("peer"), "peer", "chaincode", "invoke", "--help");
  assert.equal(invoke.code, 0);
  assert.match(invoke.out, /^Usage:\n {2}peer chaincode invoke \[flags\]$/m);
  assert.match(invoke.out, /^ {2}-C, --channelID string {2,}The channel on which/m);
  assert.match(invoke.out, /^Global Flags:$/m);
  assert.match(invoke.out, /^ {2}-o, --orderer string/m);
  for (const group of ["chaincode", "channel", "node"]) {
    const { out, code } = await run(rootCommand("peer"), "peer", group);
    assert.equal(code, 0);
    assert.match(out, /Available Commands:/);
  }
});

Deno.test("a wrong call prints the mistake and the usage on stderr and exits with 1", async () => {
  const flag = await run(rootCommand("denim"), "denim", "chaincode", "query", "--nope");
  assert.equal(flag.code, 1);
  assert.equal(flag.out, "");
  assert.match(flag.err, /^Error: unknown flag: --nope\nUsage:\n {2}denim chaincode query/);
  const command = await run(rootCommand("denim"), "denim", "chaincode", "instanciate");
  assert.equal(command.code, 1);
  assert.match(command.err, /unknown command "instanciate" for "denim chaincode"/);
  const channel = await run(rootCommand("denim"), "denim", "chaincode", "query", "-n", "x");
  assert.match(channel.err, /required parameter 'channelID' is empty/);
});

Deno.test("list without a choice is an error of one line, as with peer", async () => {
  assert.deepEqual(await run(rootCommand("peer"), "peer", "chaincode", "list"), {
    code: 1,
    out: "",
    err: 'Error: Must explicitly specify "--installed" or "--instantiated"\n',
  });
});

Deno.test("as peer the development network's commands are not shown", async () => {
  assert.doesNotMatch((await run(rootCommand("peer"), "peer")).out, /\bup\b/);
  assert.match((await run(rootCommand("denim"), "denim")).out, /\bup\b/);
});

Deno.test("an error's hint is shown below it, a defect is called one", async () => {
  const failing = (error: Error): Command => ({
    name: "denim",
    short: "",
    load: () => Promise.resolve(() => Promise.reject(error)),
  });
  const known = await run(failing(new DenimError("x", "it broke", {}, "mend it")), "denim");
  assert.equal(known.err, "Error: it broke\nHint: mend it\n");
  assert.equal(known.code, 1);
  assert.match((await run(failing(new TypeError("oops")), "denim")).err, /defect in denim/);
});
