/** `chaincode signpackage`. Mirrors peer/chaincode/signpackage.go. */
import { addSignature } from "../../chaincode/package/signed-package.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { openSession } from "../session.ts";
import { readNamedFile } from "./call.ts";
import { writePackage } from "./package.ts";

export const signPackage: CommandHandler = async (invocation) => {
  const { args, program, terminal } = invocation;
  if (args.length < 2) {
    throw new UsageError(
      "usage",
      `${program} chaincode signpackage <inputpackage> <outputpackage>`,
    );
  }
  const session = await openSession(invocation, "chaincodeCmd");
  try {
    const bytes = await readNamedFile(args[0], "chaincode package");
    const { signer, clock } = session.client;
    await writePackage(args[1], addSignature(bytes, signer, clock));
    terminal.out(`Wrote signed package to ${args[1]} successfully\n`);
  } finally {
    session.close();
  }
};
