/** `node reset`. Mirrors peer/node/reset.go. */
import { resetLedgers } from "../../ledger/maintenance.ts";
import type { CommandHandler } from "../command.ts";
import { stoppedPeer } from "./maintenance.ts";

export const reset: CommandHandler = async (invocation) => {
  const { ledgers, logger } = await stoppedPeer(invocation);
  logger.info("Resetting all ledgers to genesis block");
  const channels = ledgers ? resetLedgers(ledgers) : [];
  if (channels.length === 0) logger.info("No ledgers found.. exiting");
  for (const channelId of channels) logger.info(`Resetting ledger [${channelId}] to genesis block`);
  logger.info("All channel ledgers have been successfully reset to the genesis block");
};
