/** `version`. Mirrors peer/version/version.go. */
import type { CommandHandler } from "./command.ts";
import { UsageError } from "./flags.ts";
import { denimVersion, fabricVersion } from "../base/version-numbers.ts";

/** A Go program says amd64 where Deno says x86_64. */
const goArchitectures: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

export const version: CommandHandler = ({ args, program, terminal }) => {
  if (args.length > 0) throw new UsageError("usage", "trailing args detected");
  const arch = goArchitectures[Deno.build.arch] ?? Deno.build.arch;
  terminal.out(
    `${program}:\n` +
      ` Version: ${program === "peer" ? fabricVersion : denimVersion}\n` +
      (program === "peer"
        ? ` Denim version: ${denimVersion}\n`
        : ` Fabric version: ${fabricVersion}\n`) +
      ` Runtime: deno ${Deno.version.deno}\n` +
      ` OS/Arch: ${Deno.build.os}/${arch}\n` +
      ` Chaincode:\n` +
      `  Base Image Version: 0.4.15\n` +
      `  Base Docker Namespace: hyperledger\n` +
      `  Base Docker Label: org.hyperledger.fabric\n` +
      `  Docker Namespace: hyperledger\n\n`,
  );
  return Promise.resolve();
};
