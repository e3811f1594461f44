/** Logging as rooms see it: a named logger, four levels, facts beside the message. */
export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Logger {
  debug(message: string, facts?: Record<string, unknown>): void;
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
  /** A logger for a named part (`endorser`, `lscc`, …); names are Fabric's module names. */
  named(module: string): Logger;
}

/** Swallows everything; the default in unit tests. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  named: () => silentLogger,
};
