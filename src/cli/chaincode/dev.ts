/**
 * `chaincode dev DIR`: runs the chaincode of a directory beside the peers and starts it anew, under the
 * same name and version, whenever its sources change. State is kept. Denim's own.
 */
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { connected } from "./dev-connection.ts";
import { DevLoop } from "./dev-loop.ts";
import { sourceDirectory } from "./source-directory.ts";

export const dev: CommandHandler = async (invocation) => {
  const { args, flags, terminal } = invocation;
  if (args.length > 1) throw new UsageError("usage", "'chaincode dev' takes one directory");
  const source = sourceDirectory(args[0] ?? ".", terminal.workingDirectory);
  const name = flags.string("name") || source.name;
  const interrupted = terminal.onInterruption();
  const print = (line: string) => terminal.out(`${timeOfDay()}  ${line}\n`);
  let loop: DevLoop | undefined;
  let version: string | undefined;
  try {
    while (!interrupted.aborted) {
      const session = await connected(invocation, name, version, interrupted);
      if (session === undefined) break;
      version = session.version;
      try {
        loop ??= new DevLoop(invocation, session.bench, source, name, print);
        await loop.run(session, interrupted);
      } catch (error) {
        if (!session.lost.aborted) throw error;
      } finally {
        await loop?.chaincode.close();
        session.close();
      }
      if (!interrupted.aborted) {
        const why = messageOf(session.lost.reason);
        print(`the peer has gone (${why}); when it is back, ${name} is started again`);
      }
    }
  } finally {
    await loop?.close();
  }
  print(
    `ended; the peers run ${name} as it is installed, 'denim chaincode deploy' takes the edits over`,
  );
};

/** `14:03:59.120` */
function timeOfDay(): string {
  return new Date(systemClock.now()).toISOString().slice(11, 23);
}
