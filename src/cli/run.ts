/** Finds the command that argv names, runs it, and turns whatever happens into an exit code. */
import { DenimError, messageOf } from "../base/errors.ts";
import { systemErrorCode, systemErrorText } from "../base/system-error.ts";
import type { Command } from "./command.ts";
import { plainText } from "./plain-text.ts";
import { type FlagValues, parseFlags, UsageError } from "./flags.ts";
import { hintOf, type Situation, systemHintOf } from "./hints.ts";
import type { Terminal } from "./terminal.ts";
import { commandPath, usageOf } from "./usage.ts";

/**
 * Runs one command line.
 * @param program how the program was called, `denim` or `peer`
 * @returns the exit code: 0, or 1 on any failure, as Fabric's `peer`
 */
export async function runCommandLine(
  root: Command,
  program: string,
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const ancestors: Command[] = [];
  let command = root;
  let rest = [...argv];
  for (;;) {
    const index = rest.findIndex((word) => !word.startsWith("-"));
    const next = index < 0
      ? undefined
      : command.subcommands?.find((sub) => sub.name === rest[index]);
    if (!next) break;
    ancestors.push(command);
    command = next;
    rest = [...rest.slice(0, index), ...rest.slice(index + 1)];
    if (command.load) break;
  }
  const usage = () => usageOf(program, ancestors, command);
  const declared = [
    ...(command.flags ?? []),
    ...(command.sharedFlags ?? []),
    ...ancestors.flatMap((ancestor) => ancestor.sharedFlags ?? []),
  ];
  let parsed;
  try {
    parsed = parseFlags(declared, rest);
  } catch (error) {
    return fail(error, terminal, { program, channelId: "" }, usage);
  }
  if (parsed.help) {
    terminal.out(`${command.long ?? command.short}\n\n${usage()}`);
    return 0;
  }
  if (!command.load) {
    const unknown = parsed.args[0];
    if (unknown === undefined) {
      terminal.out(`${command.long ?? command.short}\n\n${usage()}`);
      return 0;
    }
    const path = commandPath(program, ancestors, command);
    terminal.err(
      `Error: unknown command ${JSON.stringify(unknown)} for ${JSON.stringify(path)}\n` +
        `Run '${path} --help' for usage.\n`,
    );
    return 1;
  }
  try {
    const handler = await command.load();
    const path = [...ancestors.slice(1), command].map((c) => c.name);
    const code = await handler({
      flags: parsed.values,
      args: parsed.args,
      terminal,
      program,
      path,
    });
    return code ?? 0;
  } catch (error) {
    return fail(error, terminal, { program, channelId: channelOf(parsed.values) }, usage);
  }
}

function channelOf(flags: FlagValues): string {
  return flags.declares("channelID") ? flags.string("channelID") : "";
}

/** `Error: …` as cobra prints it, the next step below, the usage when the call itself was wrong. */
function fail(
  error: unknown,
  terminal: Terminal,
  situation: Situation,
  usage: () => string,
): number {
  const systemCode = systemErrorCode(error);
  if (error instanceof DenimError) {
    terminal.err(`Error: ${plainText(error.message)}\n`);
    const hint = error.hint ?? hintOf(error.message, situation);
    if (hint) terminal.err(`Hint: ${plainText(hint)}\n`);
  } else if (systemCode !== undefined) {
    terminal.err(`Error: ${systemErrorText(error)}\nHint: ${systemHintOf(systemCode)}\n`);
  } else {
    terminal.err(`Error: ${messageOf(error)}\n`);
    const stack = error instanceof Error ? error.stack : undefined;
    terminal.err(`${stack ?? ""}\nThis is a defect in denim: please report it.\n`);
  }
  if (error instanceof UsageError) terminal.err(`${usage()}\n`);
  return 1;
}
