/** Log specifications as Fabric reads them: `info:endorser,lscc=debug:warning`. Pure. */
import { DenimError } from "./errors.ts";
import type { LogLevel } from "./logger.ts";

/** A level under the name that Fabric prints, with what it means for our four levels. */
interface NamedLevel {
  readonly name: string;
  readonly level: LogLevel;
}

const info: NamedLevel = { name: "info", level: "info" };

/** Fabric knows these in lower and in upper case, not mixed. */
const levelNames: ReadonlyMap<string, NamedLevel> = new Map(
  ([
    ["payload", "payload", "debug"],
    ["debug", "debug", "debug"],
    ["info", "info", "info"],
    ["notice", "info", "info"],
    ["warning", "warn", "warn"],
    ["warn", "warn", "warn"],
    ["error", "error", "error"],
    ["critical", "error", "error"],
    ["dpanic", "dpanic", "error"],
    ["panic", "panic", "error"],
    ["fatal", "fatal", "error"],
  ] as const).flatMap(([written, name, level]) =>
    [written, written.toUpperCase()].map((key) => [key, { name, level }] as const)
  ),
);

const order: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

const loggerName = /^[0-9A-Za-z_#:-]+(\.[0-9A-Za-z_#:-]+)*$/;

/** Whether Fabric knows a level of this name. Mirrors flogging.IsValidLevel. */
export function isLogLevel(name: string): boolean {
  return levelNames.has(name);
}

/** Mirrors common/flogging/loggerlevels.go. */
export class LogSpec {
  /** The most talkative level that any module has. */
  readonly #lowest: number;

  private constructor(
    private readonly defaultLevel: NamedLevel,
    private readonly levels: ReadonlyMap<string, NamedLevel>,
  ) {
    this.#lowest = Math.min(...[defaultLevel, ...levels.values()].map(({ level }) => order[level]));
  }

  /** @throws DenimError `invalid-log-spec` with Fabric's text */
  static parse(text: string): LogSpec {
    let defaultLevel = info;
    const levels = new Map<string, NamedLevel>();
    for (const field of text.split(":")) {
      const badSegment = () => invalid(text, `bad segment '${field}'`);
      const [first, second, ...more] = field.split("=");
      if (more.length > 0) throw badSegment();
      if (second === undefined) {
        const level = field === "" ? info : levelNames.get(field);
        if (level === undefined) throw badSegment();
        defaultLevel = level;
        continue;
      }
      if (first === "") throw invalid(text, `no logger specified in segment '${field}'`);
      const level = levelNames.get(second);
      if (level === undefined) throw badSegment();
      for (const logger of first.split(",")) {
        if (!loggerName.test(logger.replace(/\.$/, ""))) {
          throw invalid(text, `bad logger name '${logger}'`);
        }
        levels.set(logger, level);
      }
    }
    return new LogSpec(defaultLevel, levels);
  }

  /** The same specification in Fabric's order: loggers by name, then the default. */
  get text(): string {
    const fields = [...this.levels].map(([logger, { name }]) => `${logger}=${name}`).sort();
    return [...fields, this.defaultLevel.name].join(":");
  }

  /**
   * The level of a module: its own (`a.b.` means this one only, `a.b` those below too), else its
   * nearest dotted parent's, else the default.
   */
  levelOf(module: string): LogLevel {
    return this.#levelOf(module).level;
  }

  /** The level's name as Fabric prints it: also `panic` and others that mean `error` to us. */
  levelNameOf(module: string): string {
    return this.#levelOf(module).name;
  }

  #levelOf(module: string): NamedLevel {
    for (let name = `${module}.`;;) {
      const named = this.levels.get(name);
      if (named) return named;
      const dot = name.lastIndexOf(".");
      if (dot <= 0) return this.defaultLevel;
      name = name.slice(0, dot);
    }
  }

  /** Whether any module writes entries of this level: a quick answer before the exact one. */
  enabledAnywhere(level: LogLevel): boolean {
    return order[level] >= this.#lowest;
  }

  enables(module: string, level: LogLevel): boolean {
    return order[level] >= order[this.levelOf(module)];
  }
}

function invalid(text: string, reason: string): DenimError {
  return new DenimError(
    "invalid-log-spec",
    `invalid logging specification '${text}': ${reason}`,
    { spec: text, reason },
    "write levels as in FABRIC_LOGGING_SPEC=info:endorser=debug (debug, info, warning, error)",
  );
}
