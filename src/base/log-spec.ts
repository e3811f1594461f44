/** Log specifications as Fabric reads them: `info:endorser,lscc=debug:warning`. Pure. */
import { DenimError } from "./errors.ts";
import type { LogLevel } from "./logger.ts";

const levelNames: Readonly<Record<string, LogLevel | "off">> = {
  debug: "debug",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  dpanic: "error",
  panic: "error",
  fatal: "error",
};

const order: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Mirrors common/flogging/loggerlevels.go. */
export class LogSpec {
  private constructor(
    /** As it was written. */
    readonly text: string,
    private readonly defaultLevel: LogLevel,
    private readonly levels: ReadonlyMap<string, LogLevel>,
  ) {}

  /** @throws DenimError `invalid-log-spec` with Fabric's text */
  static parse(text: string): LogSpec {
    let defaultLevel: LogLevel = "info";
    const levels = new Map<string, LogLevel>();
    for (const field of text.split(":")) {
      const parts = field.split("=");
      const level = levelNames[parts[parts.length - 1].toLowerCase()];
      if (parts.length === 1) {
        if (field === "" && text === "") continue;
        if (level === undefined || level === "off") throw invalid(text, field);
        defaultLevel = level;
      } else if (parts.length === 2) {
        if (parts[0] === "" || level === undefined || level === "off") throw invalid(text, field);
        for (const module of parts[0].split(",")) levels.set(module, level);
      } else throw invalid(text, field);
    }
    return new LogSpec(text === "" ? "info" : text, defaultLevel, levels);
  }

  /** The level of a module: its own, else its nearest dotted parent's, else the default. */
  levelOf(module: string): LogLevel {
    for (let name = module; name !== "";) {
      const level = this.levels.get(name);
      if (level) return level;
      const dot = name.lastIndexOf(".");
      name = dot < 0 ? "" : name.slice(0, dot);
    }
    return this.defaultLevel;
  }

  enables(module: string, level: LogLevel): boolean {
    return order[level] >= order[this.levelOf(module)];
  }
}

function invalid(text: string, field: string): DenimError {
  return new DenimError(
    "invalid-log-spec",
    `invalid logging specification '${text}': bad segment '${field}'`,
    { spec: text, segment: field },
    "write levels as in FABRIC_LOGGING_SPEC=info:endorser=debug (debug, info, warning, error)",
  );
}
