/** `chaincode stop` and `chaincode restart`. Denim's own. */
import type { CommandHandler } from "../command.ts";
import { instancesNamed, withControl } from "./control.ts";

/** Prints what was stopped, one a line, as Docker does. */
export const stop: CommandHandler = async (invocation) => {
  const named = instancesNamed(invocation);
  await withControl(invocation, async (control) => {
    for (const instance of named) {
      for (const { name, version } of await control.stop(instance)) {
        invocation.terminal.out(`${name}:${version}\n`);
      }
    }
  });
};

/** Prints what runs again, one a line. */
export const restart: CommandHandler = async (invocation) => {
  const named = instancesNamed(invocation);
  const signal = invocation.terminal.onInterruption();
  await withControl(invocation, async (control) => {
    for (const instance of named) {
      for (const { name, version, launch } of await control.restart(instance, signal)) {
        invocation.terminal.out(`${name}:${version} (launch ${launch})\n`);
      }
    }
  });
};
