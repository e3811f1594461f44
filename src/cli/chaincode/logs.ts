/** `chaincode logs`: what a chaincode and its build wrote, kept by the peer per launch. Denim's own. */
import { type Launch, Outcome } from "../../gen/denim/control_pb.ts";
import type { CommandHandler, Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { instanceOf, withControl } from "./control.ts";
import { durationText } from "./trace-display.ts";

export const logs: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const request = requestOf(invocation);
  const signal = flags.boolean("follow") ? terminal.onInterruption() : terminal.interrupted;
  await withControl(invocation, async (control) => {
    let number = request.launch;
    try {
      for await (const { at, stream, text, dropped, launch } of control.output(request, signal)) {
        number = launch;
        if (dropped > 0n && request.tail === 0) {
          terminal.err(`${dropped} earlier lines are no longer kept\n`);
        }
        const time = flags.boolean("timestamps") ? `${new Date(Number(at)).toISOString()} ` : "";
        terminal.out(`${time}${stream === "build" ? "build | " : ""}${text}\n`);
      }
      const launches = (await control.launches(request.name)).filter(({ version }) =>
        request.version === "" || version === request.version
      );
      const shown = launches.findLast((launch) => number === 0n || launch.number === number);
      if (shown !== undefined) terminal.err(endOf(shown));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
};

/** How a launch ended, with what to do; "" while it runs. What it wrote last stands above already. */
export function endOf({ number, name, version, outcome, durationMs, error, exit }: Launch): string {
  const what = `launch ${number} of ${name}:${version}`;
  if (outcome === Outcome.FAILED) {
    const [cause] = error.split("; last output:", 1);
    const hint = /\nHint: [^\n]*/.exec(error.slice(cause.length))?.[0] ?? "";
    return `${what} failed after ${durationText(Number(durationMs))}: ${cause}${hint}\n`;
  }
  if (exit === undefined) return "";
  return `${what} ended: ${exit.reason.split("; last output:", 1)[0]}\n`;
}

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
