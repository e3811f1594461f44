/** `logging getlevel` and `logging setlevel`. Mirrors peer/clilogging/getlevel.go and setlevel.go. */
import { isLogLevel } from "../../base/log-spec.ts";
import { Admin } from "../../gen/peer/admin_pb.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { callAdmin, requireArguments } from "./admin-call.ts";

export const getLevel: CommandHandler = async (invocation) => {
  requireArguments(invocation);
  const [logModule] = invocation.args;
  await callAdmin(
    invocation,
    Admin.method.getModuleLogLevel,
    { content: { case: "logReq", value: { logModule } } },
    (answer) => `Current log level for logger '${answer.logModule}': ${answer.logLevel}`,
  );
};

export const setLevel: CommandHandler = async (invocation) => {
  requireArguments(invocation);
  const [logModule, logLevel] = invocation.args;
  if (logLevel === undefined) throw new UsageError("usage", "no log level provided");
  if (!isLogLevel(logLevel)) {
    throw new UsageError("usage", `invalid log level provided - ${logLevel}`);
  }
  await callAdmin(
    invocation,
    Admin.method.setModuleLogLevel,
    { content: { case: "logReq", value: { logModule, logLevel } } },
    (answer) => `Log level set for logger name/prefix '${answer.logModule}': ${answer.logLevel}`,
  );
};
