/** Help texts in the shape of cobra's, which the users of `peer` know. Pure. */
import type { Command } from "./command.ts";
import type { Flag } from "./flags.ts";

const kindNames: Readonly<Record<Flag["kind"], string>> = {
  string: " string",
  boolean: "",
  duration: " duration",
  stringArray: " stringArray",
  int: " int",
  uint: " uint",
};

function defaultText(flag: Flag): string {
  if (!flag.default || flag.kind === "boolean" || flag.default === "0") return "";
  return flag.kind === "string"
    ? ` (default ${JSON.stringify(flag.default)})`
    : ` (default ${flag.default})`;
}

/** One aligned line per visible flag, sorted by name. */
export function flagUsages(flags: readonly Flag[]): string {
  const shown = flags.filter((flag) => !flag.hidden).toSorted((a, b) => a.name < b.name ? -1 : 1);
  const heads = shown.map((flag) =>
    `  ${flag.short ? `-${flag.short}, ` : "    "}--${flag.name}${kindNames[flag.kind]}`
  );
  const width = Math.max(0, ...heads.map((head) => head.length));
  return shown.map((flag, i) => `${heads[i].padEnd(width)}   ${flag.help}${defaultText(flag)}\n`)
    .join("");
}

const helpFlag = (name: string): Flag => ({
  name: "help",
  short: "h",
  kind: "boolean",
  help: `help for ${name}`,
});

/** `peer chaincode invoke`: the words that call a command. */
export function commandPath(
  program: string,
  ancestors: readonly Command[],
  command: Command,
): string {
  return [program, ...[...ancestors, command].slice(1).map((part) => part.name)].join(" ");
}

/** The usage of a command; `ancestors` are its parents from the root. */
export function usageOf(
  program: string,
  ancestors: readonly Command[],
  command: Command,
): string {
  const path = commandPath(program, ancestors, command);
  const lines: string[] = ["Usage:"];
  if (command.load) {
    lines.push(`  ${path}${command.argumentsUsage ? ` ${command.argumentsUsage}` : ""} [flags]`);
  }
  const subcommands = (command.subcommands ?? []).filter((sub) => !sub.hidden);
  if (subcommands.length > 0) {
    lines.push(`  ${path} [command]`, "", "Available Commands:");
    const width = Math.max(...subcommands.map((sub) => sub.name.length), 11);
    for (const sub of subcommands) lines.push(`  ${sub.name.padEnd(width)} ${sub.short}`);
  }
  const own = [...(command.flags ?? []), ...(command.sharedFlags ?? []), helpFlag(command.name)];
  lines.push("", "Flags:", flagUsages(own).trimEnd());
  const inherited = ancestors.flatMap((ancestor) => ancestor.sharedFlags ?? [])
    .filter((flag) => !flag.hidden);
  if (inherited.length > 0) lines.push("", "Global Flags:", flagUsages(inherited).trimEnd());
  if (subcommands.length > 0) {
    lines.push("", `Use "${path} [command] --help" for more information about a command.`);
  }
  return lines.join("\n") + "\n";
}
