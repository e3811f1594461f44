/**
 * `logging getlogspec`, `setlogspec` and `revertlevels`. Mirrors peer/clilogging/getlogspec.go,
 * setlogspec.go and revertlevels.go.
 */
import { DenimError } from "../../base/errors.ts";
import { Admin } from "../../gen/peer/admin_pb.ts";
import type { CommandHandler } from "../command.ts";
import { callAdmin, refuseArguments, requireArguments } from "./admin-call.ts";

export const getLogSpec: CommandHandler = async (invocation) => {
  refuseArguments(invocation);
  await callAdmin(
    invocation,
    Admin.method.getLogSpec,
    {},
    ({ logSpec }) => `Current logging spec: ${logSpec}`,
  );
};

export const setLogSpec: CommandHandler = async (invocation) => {
  requireArguments(invocation);
  const [logSpec] = invocation.args;
  await callAdmin(
    invocation,
    Admin.method.setLogSpec,
    { content: { case: "logSpecReq", value: { logSpec } } },
    (answer) => {
      if (answer.error !== "") throw new DenimError("invalid-log-spec", answer.error);
      return `Current logging spec set to: ${answer.logSpec}`;
    },
  );
};

export const revertLevels: CommandHandler = async (invocation) => {
  refuseArguments(invocation);
  await callAdmin(
    invocation,
    Admin.method.revertLogLevels,
    {},
    () => "Logging spec reverted to the peer's spec at startup.",
  );
};
