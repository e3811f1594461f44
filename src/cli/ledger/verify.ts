/** `ledger verify`: is a channel's ledger sound, from its file to its state? */
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { DirectoryPackageStore } from "../../chaincode/package/package-store.ts";
import { checkLedger } from "../../node/ledger-check.ts";
import { ledgerOptions } from "../../node/ledger-options.ts";
import type { CommandHandler } from "../command.ts";
import { openNamedLedger } from "./open-ledger.ts";

export const verify: CommandHandler = async (invocation) => {
  const { terminal } = invocation;
  const { ledger, peer } = await openNamedLedger(invocation);
  const directory = await Deno.makeTempDir({ prefix: "denim-verify-" });
  try {
    const packages = new DirectoryPackageStore(join(directory, "chaincodes"), silentLogger);
    const checked = checkLedger({
      ledger,
      storage: ledgerOptions(peer.ledger, packages),
      directory,
      clock: systemClock,
    });
    terminal.out(
      `Channel ${ledger.channelId}: ${checked.blocks} blocks with ${checked.transactions} ` +
        "transactions; numbers, hashes, contents and orderer signatures are right, the state's " +
        `${checked.stateEntries} entries are what the blocks wrote\n`,
    );
    if (!checked.hasCommitHashes && checked.blocks > 1) {
      terminal.out("The chain has no commit hashes: an older peer began it\n");
    }
  } finally {
    ledger.close();
    await Deno.remove(directory, { recursive: true });
  }
};
