/** `logging`: names and help texts. Mirrors peer/clilogging. */
import type { Command } from "../command.ts";

export const logging: Command = {
  name: "logging",
  short: "Logging configuration: getlevel|setlevel|getlogspec|setlogspec|revertlevels.",
  subcommands: [
    {
      name: "getlevel",
      short: "Returns the logging level of the requested logger.",
      long: "Returns the logging level of the requested logger. Note: the logger name should " +
        "exactly match the name that is displayed in the logs.",
      argumentsUsage: "<logger>",
      load: async () => (await import("./levels.ts")).getLevel,
    },
    {
      name: "getlogspec",
      short: "Returns the active log spec.",
      long: "Returns the active logging specification of the peer.",
      load: async () => (await import("./log-spec.ts")).getLogSpec,
    },
    {
      name: "revertlevels",
      short: "Reverts the logging spec to the peer's spec at startup.",
      load: async () => (await import("./log-spec.ts")).revertLevels,
    },
    {
      name: "setlevel",
      short: "Adds the logger and log level to the current logging spec.",
      long: "Adds the logger and log level to the current logging specification.",
      argumentsUsage: "<logger> <log level>",
      load: async () => (await import("./levels.ts")).setLevel,
    },
    {
      name: "setlogspec",
      short: "Sets the logging spec.",
      long: "Sets the active logging specification of the peer.",
      load: async () => (await import("./log-spec.ts")).setLogSpec,
    },
  ],
};
