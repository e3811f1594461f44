/** Log lines in Fabric's format on a writer (stderr), filtered by a specification. */
import type { Clock } from "./clock.ts";
import type { Logger, LogLevel } from "./logger.ts";
import { LogSpec } from "./log-spec.ts";

const shown: Readonly<Record<LogLevel, string>> = {
  debug: "DEBU",
  info: "INFO",
  warn: "WARN",
  error: "ERRO",
};

const colours: Readonly<Record<LogLevel, string>> = {
  debug: "\x1b[36m",
  info: "\x1b[34m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};

export interface LogOptions {
  readonly write: (line: string) => void;
  readonly clock: Clock;
  readonly spec: LogSpec;
  readonly coloured: boolean;
}

/** Hears of log entries, to count them. */
export interface LogObserver {
  /** An entry of a level that some module writes was compared with its own module's. */
  checked(level: LogLevel): void;
  written(level: LogLevel): void;
}

/** The owner of one process's (or one test's) log: loggers come from it, its level can change. */
export class LogWriter {
  #spec: LogSpec;
  #sequence = 0;
  readonly #observers = new Set<LogObserver>();

  constructor(private readonly options: LogOptions) {
    this.#spec = options.spec;
  }

  get spec(): LogSpec {
    return this.#spec;
  }

  /** @throws DenimError `invalid-log-spec`; the old one stays in force */
  activate(spec: string): void {
    this.#spec = LogSpec.parse(spec);
  }

  logger(module: string): Logger {
    const at = (level: LogLevel) => (message: string, facts?: Record<string, unknown>) =>
      this.#write(module, level, message, facts);
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      named: (other) => this.logger(other),
    };
  }

  /** @returns ends the observation */
  observe(observer: LogObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  #write(module: string, level: LogLevel, message: string, facts?: Record<string, unknown>) {
    if (!this.#spec.enabledAnywhere(level)) return;
    for (const observer of this.#observers) observer.checked(level);
    if (!this.#spec.enables(module, level)) return;
    for (const observer of this.#observers) observer.written(level);
    const time = new Date(this.options.clock.now()).toISOString().replace("T", " ").replace(
      "Z",
      "",
    );
    const sequence = (++this.#sequence).toString(16).padStart(3, "0");
    const head = `${time} UTC [${module}] -> ${shown[level]} ${sequence}`;
    const [on, off] = this.options.coloured ? [colours[level], "\x1b[0m"] : ["", ""];
    this.options.write(`${on}${head}${off} ${message}${factsText(facts)}\n`);
  }
}

/** ` key=value` for each fact, quoted where needed, so that lines stay greppable. */
function factsText(facts: Record<string, unknown> | undefined): string {
  if (!facts) return "";
  return Object.entries(facts).filter(([, value]) => value !== undefined).map(([key, value]) => {
    const text = typeof value === "string"
      ? value
      : value instanceof Error
      ? value.message
      : typeof value === "bigint"
      ? value.toString()
      : valueText(value);
    return ` ${key}=${text === "" || /[\s"=]/.test(text) ? JSON.stringify(text) : text}`;
  }).join("");
}

/** JSON where that is possible: a fact that cannot be written must not end who logs it. */
function valueText(value: unknown): string {
  try {
    return JSON.stringify(value, (_, v) => typeof v === "bigint" ? v.toString() : v) ??
      String(value);
  } catch {
    return "(not writable)";
  }
}
