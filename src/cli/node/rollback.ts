/** `node rollback`. Mirrors peer/node/rollback.go. */
import { DenimError } from "../../base/errors.ts";
import { rollBackLedger } from "../../ledger/maintenance.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { stoppedPeer } from "./maintenance.ts";

export const rollback: CommandHandler = async (invocation) => {
  const { flags } = invocation;
  const blockNumber = flags.int("blockNumber");
  const channelId = flags.string("channelID");
  if (channelId === "") throw new UsageError("usage", "Must supply channel ID");
  const { ledgers, directory, logger } = await stoppedPeer(invocation);
  if (!ledgers) {
    throw new DenimError(
      "ledger-not-found",
      `ledgerID [${channelId}] does not exist`,
      { directory },
      `there are no ledgers in ${directory}; CORE_PEER_FILESYSTEMPATH names the peer's data directory`,
    );
  }
  logger.info("Rolling back ledger store");
  rollBackLedger({ ...ledgers, channelId }, blockNumber);
  logger.info(
    `The channel [${channelId}] has been successfully rolled back to the block number [${blockNumber}]`,
  );
};
