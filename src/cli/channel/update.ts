/** `channel update`. Mirrors peer/channel/update.go. */
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { readConfigTransaction, signConfigTransaction } from "./config-transaction.ts";
import { requiredChannel, requiredOrderer, withSession } from "./session.ts";

export const update: CommandHandler = async (invocation) => {
  const channelId = requiredChannel(invocation);
  const file = invocation.flags.string("file");
  if (file === "") {
    throw new UsageError(
      "usage",
      "Invalid channel create transaction : No configtx file name supplied",
    );
  }
  const transaction = await readConfigTransaction(file);
  await withSession(invocation, async (session) => {
    const orderer = await requiredOrderer(session);
    const { signer, clock } = session.client;
    await orderer.broadcast(
      signConfigTransaction(transaction, channelId, signer, clock).envelope,
    );
    session.logger.info("Successfully submitted channel update");
  });
};
