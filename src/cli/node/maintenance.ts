/** What `node reset`, `node rollback` and `node rebuild-dbs` share: a stopped peer's ledgers. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../../base/logger.ts";
import { DirectoryPackageStore } from "../../chaincode/package/package-store.ts";
import type { LedgerProviderOptions } from "../../ledger/ledger-provider.ts";
import { ledgerOptions } from "../../node/ledger-options.ts";
import { noArguments } from "../channel/session.ts";
import type { Invocation } from "../command.ts";
import { ledgersDirectory } from "../ledger/open-ledger.ts";
import { peerData } from "../ledger/peer-data.ts";
import { terminalLog } from "../session.ts";

export interface StoppedPeer {
  /** Undefined where this peer has no ledgers yet. */
  readonly ledgers: LedgerProviderOptions | undefined;
  readonly directory: string;
  readonly logger: Logger;
}

/** The peer of core.yaml and CORE_PEER_FILESYSTEMPATH, or of the development network. */
export async function stoppedPeer(invocation: Invocation): Promise<StoppedPeer> {
  noArguments(invocation);
  const peer = await peerData(invocation);
  const log = terminalLog(invocation.terminal);
  const logger = log.logger("kvledger");
  const directory = ledgersDirectory(peer);
  logger.info(`Ledger data folder from config = [${directory}]`);
  if (!existsSync(directory)) return { ledgers: undefined, directory, logger };
  const packages = new DirectoryPackageStore(join(peer.directory, "chaincodes"), logger);
  return {
    ledgers: { directory, ...ledgerOptions(peer.ledger, packages), logger },
    directory,
    logger,
  };
}
