/** `chaincode logs`: what a chaincode and its build wrote, kept by the peer per launch. Denim's own. */
import type { CommandHandler, Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { instanceOf, withControl } from "./control.ts";

export const logs: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const request = requestOf(invocation);
  const signal = flags.boolean("follow") ? terminal.onInterruption() : terminal.interrupted;
  await withControl(invocation, async (control) => {
    try {
      for await (const { at, stream, text, dropped } of control.output(request, signal)) {
        if (dropped > 0n && request.tail === 0) {
          terminal.err(`${dropped} earlier lines are no longer kept\n`);
        }
        const time = flags.boolean("timestamps") ? `${new Date(Number(at)).toISOString()} ` : "";
        terminal.out(`${time}${stream === "build" ? "build | " : ""}${text}\n`);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
};

function requestOf({ args, flags }: Invocation) {
  const launch = flags.int("launch");
  const tail = flags.int("tail");
  if (args.length > 1 || (args.length === 0 && launch === 0)) {
    throw new UsageError("usage", "'chaincode logs' requires NAME[:VERSION]");
  }
  if (launch < 0 || tail < 0) {
    throw new UsageError("usage", "--launch and --tail take positive numbers");
  }
  const { name, version } = instanceOf(args[0] ?? "");
  return { name, version, launch: BigInt(launch), tail, follow: flags.boolean("follow") };
}
