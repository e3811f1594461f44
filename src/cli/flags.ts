/**
 * Command-line flags as Fabric's `peer` reads them (spf13/pflag): long and short forms, values
 * attached or separate, flags between arguments, `--` ends them. Pure: argv in, values out.
 */
import { DenimError } from "../base/errors.ts";
import { parseDuration } from "../config/duration.ts";

export type FlagKind = "string" | "boolean" | "duration" | "stringArray" | "int" | "uint";

/** One flag of a command. The help text is what `--help` prints. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  /** String default (durations like `30s`, ints as digits); booleans default to false. */
  readonly default?: string;
  readonly help: string;
  readonly hidden?: boolean;
}

export type UsageErrorCode =
  | "unknown-flag"
  | "flag-needs-argument"
  | "invalid-flag-value"
  | "usage";

/** A mistake in how the command was called; the command line prints the usage below it. */
export class UsageError extends DenimError<UsageErrorCode> {
  override readonly name = "UsageError";
}

/** Values of a parsed command line; unset flags give their defaults. */
export class FlagValues {
  constructor(
    private readonly flags: ReadonlyMap<string, Flag>,
    private readonly values: ReadonlyMap<string, readonly string[]>,
  ) {}

  /** Was the flag given on the command line? */
  has(name: string): boolean {
    return this.values.has(name);
  }

  /** Does the command have this flag at all? */
  declares(name: string): boolean {
    return this.flags.has(name);
  }

  string(name: string): string {
    return this.values.get(name)?.at(-1) ?? this.#flag(name).default ?? "";
  }

  boolean(name: string): boolean {
    return this.string(name) === "true";
  }

  /** Milliseconds. */
  duration(name: string): number {
    return parseDuration(this.string(name)) ?? 0;
  }

  int(name: string): number {
    return Number.parseInt(this.string(name) || "0", 10);
  }

  array(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }

  #flag(name: string): Flag {
    const flag = this.flags.get(name);
    if (!flag) throw new DenimError("undeclared-flag", `flag --${name} is not declared`);
    return flag;
  }
}

const goBooleans: Readonly<Record<string, string>> = {
  "1": "true",
  t: "true",
  T: "true",
  true: "true",
  TRUE: "true",
  True: "true",
  "0": "false",
  f: "false",
  F: "false",
  false: "false",
  FALSE: "false",
  False: "false",
};

const maxUint64 = 2n ** 64n - 1n;

function checked(flag: Flag, shown: string, value: string): string {
  const invalid = (kind: string) =>
    new UsageError(
      "invalid-flag-value",
      `invalid argument ${JSON.stringify(value)} for ${JSON.stringify(shown)} flag: ${kind}`,
      { flag: flag.name, value },
    );
  switch (flag.kind) {
    case "boolean": {
      if (!Object.hasOwn(goBooleans, value)) throw invalid("expected true or false");
      return goBooleans[value];
    }
    case "duration":
      if (parseDuration(value) === undefined) {
        throw invalid("expected a duration such as 30s, 1m30s or 500ms");
      }
      return value;
    case "int":
      if (!/^[-+]?\d+$/.test(value)) throw invalid("expected a whole number");
      return value;
    case "uint":
      if (!/^\d+$/.test(value) || BigInt(value) > maxUint64) {
        throw invalid(`strconv.ParseUint: parsing ${JSON.stringify(value)}: invalid syntax`);
      }
      return value;
    default:
      return value;
  }
}

export interface ParsedCommandLine {
  readonly values: FlagValues;
  readonly args: readonly string[];
  /** `--help` or `-h` was given. */
  readonly help: boolean;
}

/**
 * Parses what follows the command's name.
 * @throws UsageError with pflag's texts (`unknown flag: --x`, `flag needs an argument: -c`)
 */
export function parseFlags(declared: readonly Flag[], argv: readonly string[]): ParsedCommandLine {
  const byName = new Map(declared.map((flag) => [flag.name, flag]));
  const byShort = new Map(
    declared.flatMap((flag) => flag.short ? [[flag.short, flag] as const] : []),
  );
  const values = new Map<string, string[]>();
  const args: string[] = [];
  let help = false;

  const set = (flag: Flag, shown: string, value: string) => {
    const list = values.get(flag.name) ?? [];
    list.push(checked(flag, shown, value));
    values.set(flag.name, list);
  };

  const queue = [...argv];
  for (let token = queue.shift(); token !== undefined; token = queue.shift()) {
    if (token === "--") {
      args.push(...queue.splice(0));
    } else if (token.startsWith("--")) {
      const equals = token.indexOf("=");
      const name = equals < 0 ? token.slice(2) : token.slice(2, equals);
      const flag = byName.get(name);
      if (!flag) {
        if (name === "help") {
          help = true;
          continue;
        }
        throw new UsageError("unknown-flag", `unknown flag: --${name}`, { flag: name });
      }
      if (equals >= 0) set(flag, `--${name}`, token.slice(equals + 1));
      else if (flag.kind === "boolean") set(flag, `--${name}`, "true");
      else {
        const value = queue.shift();
        if (value === undefined) {
          throw new UsageError("flag-needs-argument", `flag needs an argument: --${name}`);
        }
        set(flag, `--${name}`, value);
      }
    } else if (token.startsWith("-") && token.length > 1) {
      help = parseShort(token, byShort, queue, set) || help;
    } else args.push(token);
  }
  return { values: new FlagValues(byName, values), args, help };
}

/** A cluster of one-letter flags; the first that takes a value takes the rest. True for `-h`. */
function parseShort(
  token: string,
  byShort: ReadonlyMap<string, Flag>,
  queue: string[],
  set: (flag: Flag, shown: string, value: string) => void,
): boolean {
  for (let i = 1; i < token.length; i++) {
    const letter = token[i];
    const flag = byShort.get(letter);
    if (!flag) {
      if (letter === "h") return true;
      throw new UsageError("unknown-flag", `unknown shorthand flag: '${letter}' in ${token}`, {
        flag: letter,
      });
    }
    const shown = `-${letter}, --${flag.name}`;
    if (token[i + 1] === "=") {
      set(flag, shown, token.slice(i + 2));
      return false;
    }
    if (flag.kind === "boolean") {
      set(flag, shown, "true");
      continue;
    }
    const attached = token.slice(i + 1);
    const value = attached !== "" ? attached : queue.shift();
    if (value === undefined) {
      throw new UsageError(
        "flag-needs-argument",
        `flag needs an argument: '${letter}' in ${token}`,
      );
    }
    set(flag, shown, value);
    return false;
  }
  return false;
}
