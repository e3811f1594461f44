/** `node rebuild-dbs`: state, history and indexes anew from the blocks, as later versions of Fabric can. */
import { rebuildLedger } from "../../ledger/maintenance.ts";
import { createLedgerProvider } from "../../ledger/ledger-provider.ts";
import type { CommandHandler } from "../command.ts";
import { stoppedPeer } from "./maintenance.ts";

export const rebuildDatabases: CommandHandler = async (invocation) => {
  const { ledgers, logger } = await stoppedPeer(invocation);
  let channels: string[] = [];
  if (ledgers) {
    const provider = createLedgerProvider(ledgers);
    channels = provider.list();
    provider.close();
  }
  if (channels.length === 0 || !ledgers) logger.info("No ledgers found.. exiting");
  else {
    for (const channelId of channels) {
      rebuildLedger({ ...ledgers, channelId });
      logger.info(`Rebuilt the databases of ledger [${channelId}] from its blocks`);
    }
  }
};
