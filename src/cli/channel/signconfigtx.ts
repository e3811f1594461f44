/** `channel signconfigtx`. Mirrors peer/channel/signconfigtx.go. */
import { toBinary } from "@bufbuild/protobuf";
import { EnvelopeSchema } from "../../gen/common/common_pb.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { readConfigTransaction, signConfigTransaction } from "./config-transaction.ts";
import { withSession } from "./session.ts";

export const signConfigTx: CommandHandler = async (invocation) => {
  const file = invocation.flags.string("file");
  if (file === "") {
    throw new UsageError(
      "usage",
      "Invalid channel create transaction : No configtx file name supplied",
    );
  }
  const transaction = await readConfigTransaction(file);
  await withSession(invocation, async (session) => {
    const { signer, clock } = session.client;
    const { envelope } = signConfigTransaction(transaction, "", signer, clock);
    await Deno.writeFile(file, toBinary(EnvelopeSchema, envelope));
  });
};
