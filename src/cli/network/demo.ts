/** `demo`: the whole story once, each step with its duration. */
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { text, utf8 } from "../../base/bytes.ts";
import { systemClock } from "../../base/clock.ts";
import { LogSpec } from "../../base/log-spec.ts";
import { LogWriter } from "../../base/log-writer.ts";
import {
  deployAndCommit,
  installPackage,
  invokeAndCommit,
  queryChaincode,
} from "../../client/chaincode-lifecycle.ts";
import { networkClient } from "../../client/network-client.ts";
import { type SourceDirectory, sourceDirectory } from "../chaincode/source-directory.ts";
import { packageSources } from "../chaincode/source-package.ts";
import type { CommandHandler, Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";

const channelId = "mychannel";
const name = "asset";

export const demo: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const runtime = flags.string("runtime");
  if (runtime !== "auto" && runtime !== "docker" && runtime !== "process") {
    throw new UsageError("usage", `--runtime must be auto, docker or process, got ${runtime}`);
  }
  const example = exampleDirectory(invocation);
  const interrupted = terminal.onInterruption();
  const began = performance.now();
  const step = async <T>(title: string, work: Promise<T>, show?: (value: T) => string) => {
    const started = performance.now();
    terminal.err(terminal.isTerminal ? `  … ${title}` : "");
    const value = await work;
    if (terminal.isTerminal) terminal.err("\r\x1b[K");
    const ms = `${Math.round(performance.now() - started)}`.padStart(6);
    terminal.out(`${ms} ms  ${title}${show ? `: ${show(value)}` : ""}\n`);
    interrupted.throwIfAborted();
    return value;
  };

  const { startDevelopmentNetwork } = await import("../../network/development-network.ts");
  // The steps tell the story, and an error says what failed: the log is for those who ask for it.
  const specification = terminal.environment.FABRIC_LOGGING_SPEC;
  const log = new LogWriter({
    write: (line) => specification && terminal.err(line),
    clock: systemClock,
    spec: LogSpec.parse(specification ?? ""),
    coloured: terminal.isTerminal,
  });
  const directory = await Deno.makeTempDir({ prefix: "denim-demo-" });
  try {
    const network = await step(
      "network up: peer, orderer, TLS, keys, genesis, channel mychannel",
      startDevelopmentNetwork({
        directory,
        organizations: 1,
        channelId,
        firstPort: 0,
        chosen: { organizations: true, channelId: true, firstPort: true },
        runtime,
        environment: terminal.environment,
        clock: systemClock,
        log,
      }),
    );
    try {
      terminal.out(`           chaincode runtime: ${network.runtime}\n`);
      const client = await networkClient(
        network.running,
        network.running.organizations[0],
        systemClock,
      );
      try {
        const call = (version: string, ...args: string[]) => ({
          name,
          version,
          path: example.path,
          type: example.type,
          args: args.map(utf8),
        });
        const install = async (version: string) =>
          await installPackage(
            client,
            await packageSources(call(version), log.logger("demo")),
          );
        const deployment = (version: string, ...args: string[]) => ({
          channelId,
          call: { ...call(version, ...args), path: "" },
          policy: new Uint8Array(0),
          escc: "escc",
          vscc: "vscc",
        });
        const invoke = (...args: string[]) => invokeAndCommit(client, channelId, call("", ...args));
        const read = (...args: string[]) => queryChaincode(client, channelId, call("", ...args));

        await step(`install ${name} 1.0 from ${basename(example.path)}`, install("1.0"));
        await step(
          `instantiate ${name} 1.0 (build, launch, init, commit)`,
          deployAndCommit(client, "deploy", deployment("1.0", "init")),
        );
        terminal.out(`           first committed transaction after ${elapsed(began)} ms\n`);
        await step(
          "invoke create asset1, wait for the commit event",
          invoke("create", "asset1", "alice", "100"),
        );
        await step("query read asset1", read("read", "asset1"), text);
        await step(`install ${name} 2.0`, install("2.0"));
        await step(
          `upgrade to ${name} 2.0`,
          deployAndCommit(client, "upgrade", deployment("2.0", "init")),
        );
        await step(
          "invoke transfer asset1 to bob",
          invoke("transfer", "asset1", "bob"),
        );
        await step("query read asset1", read("read", "asset1"), text);
      } finally {
        client.close();
      }
    } finally {
      await step("shut down", network.stop());
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  terminal.out(`Done in ${elapsed(began)} ms.\n`);
};

function elapsed(since: number): number {
  return Math.round(performance.now() - since);
}

/** The chaincode to show: `--example`, else the JavaScript one beside the main module. */
function exampleDirectory({ flags, terminal }: Invocation): SourceDirectory {
  const given = flags.string("example");
  return sourceDirectory(
    given || join(dirname(fileURLToPath(Deno.mainModule)), "examples", "asset-js"),
    terminal.workingDirectory,
  );
}
