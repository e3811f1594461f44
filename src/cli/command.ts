/** Commands as data: a tree of names; leaves know their flags and load their handler when run. */
import type { Flag, FlagValues } from "./flags.ts";
import type { Terminal } from "./terminal.ts";

export interface Invocation {
  readonly flags: FlagValues;
  readonly args: readonly string[];
  readonly terminal: Terminal;
  /** `denim`, or `peer` when called through a link of that name. */
  readonly program: string;
  /** The words of this command after the program: `["chaincode", "invoke"]`. */
  readonly path: readonly string[];
}

/** A command's work. Throws; the exit code is 0 unless it returns another. */
export type CommandHandler = (invocation: Invocation) => Promise<number | void>;

export interface Command {
  readonly name: string;
  readonly short: string;
  readonly long?: string;
  /** What follows the name in the usage line, `<newest|oldest|config|(number)> [outputfile]`. */
  readonly argumentsUsage?: string;
  readonly flags?: readonly Flag[];
  /** Flags that all subcommands share (`Global Flags` in their usage). */
  readonly sharedFlags?: readonly Flag[];
  readonly subcommands?: readonly Command[];
  /** Loads the handler: heavy modules stay on disk until their command runs. */
  readonly load?: () => Promise<CommandHandler>;
  readonly hidden?: boolean;
}
